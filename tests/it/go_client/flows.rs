//! Whole scripts, run twice.

use super::scene::{Program, Scene};

/// The shape of fabric-samples' `test-network/organizations/fabric-ca/registerEnroll.sh`: the registrar enrols, `register`
/// follows without `-u`, and the files are copied by patterns.
const REGISTER_ENROLL: &str = r#"set -e
ORG="$DIR/organizations/peerOrganizations/org1.example.com"
mkdir -p "$ORG"
export FABRIC_CA_CLIENT_HOME="$ORG"
fabric-ca-client enroll -u https://reg@P@:pw@@T@ --caname ca-org1 --tls.certfiles "@CA@"
PORT=$(echo @T@ | cut -d: -f2)
echo "NodeOUs:
  Enable: true
  ClientOUIdentifier:
    Certificate: cacerts/localhost-$PORT-ca-org1.pem
    OrganizationalUnitIdentifier: client
  PeerOUIdentifier:
    Certificate: cacerts/localhost-$PORT-ca-org1.pem
    OrganizationalUnitIdentifier: peer
  AdminOUIdentifier:
    Certificate: cacerts/localhost-$PORT-ca-org1.pem
    OrganizationalUnitIdentifier: admin
  OrdererOUIdentifier:
    Certificate: cacerts/localhost-$PORT-ca-org1.pem
    OrganizationalUnitIdentifier: orderer" > "$ORG/msp/config.yaml"
mkdir -p "$ORG/msp/tlscacerts" "$ORG/tlsca" "$ORG/ca"
cp "@CA@" "$ORG/msp/tlscacerts/ca.crt"
cp "@CA@" "$ORG/tlsca/tlsca.org1.example.com-cert.pem"
for id in peer0 user1 org1admin; do
  case $id in peer0) type=peer;; user1) type=client;; *) type=admin;; esac
  fabric-ca-client register --caname ca-org1 --id.name $id@P@ --id.secret ${id}pw --id.type $type --tls.certfiles "@CA@" || [ "$AGAIN" ]
done
P="$ORG/peers/peer0.org1.example.com"
fabric-ca-client enroll -u https://peer0@P@:peer0pw@@T@ --caname ca-org1 -M "$P/msp" --tls.certfiles "@CA@"
cp "$ORG/msp/config.yaml" "$P/msp/config.yaml"
fabric-ca-client enroll -u https://peer0@P@:peer0pw@@T@ --caname ca-org1 -M "$P/tls" --enrollment.profile tls --csr.hosts peer0.org1.example.com --csr.hosts localhost --tls.certfiles "@CA@"
cp "$P/tls/tlscacerts/"* "$P/tls/ca.crt"
cp "$P/tls/signcerts/"* "$P/tls/server.crt"
cp "$P/tls/keystore/"* "$P/tls/server.key"
fabric-ca-client enroll -u https://user1@P@:user1pw@@T@ --caname ca-org1 -M "$ORG/users/User1@org1.example.com/msp" --tls.certfiles "@CA@"
cp "$ORG/msp/config.yaml" "$ORG/users/User1@org1.example.com/msp/config.yaml"
fabric-ca-client enroll -u https://org1admin@P@:org1adminpw@@T@ --caname ca-org1 -M "$ORG/users/Admin@org1.example.com/msp" --tls.certfiles "@CA@"
cp "$ORG/msp/config.yaml" "$ORG/users/Admin@org1.example.com/msp/config.yaml"
"#;

#[test]
fn the_script_of_a_test_network_makes_the_same_material() {
    let Some(scene) = Scene::start() else { return };
    for program in Program::BOTH {
        let id = format!("reg{}", program.suffix());
        let attrs = "hf.Registrar.Roles=*,hf.Registrar.Attributes=*";
        scene.by_registrar(false, &["register", "--id.name", &id, "--id.secret", "pw", "--id.attrs", attrs]);
    }
    let [go, fabcert] = Program::BOTH.map(|program| {
        let dir = scene.folder("network", program);
        scene.run(REGISTER_ENROLL, &[], &dir, program)
    });
    assert_eq!((go.code, fabcert.code), (0, 0), "{}\n{}", go.stderr, fabcert.stderr);
    assert_eq!(go.stdout, fabcert.stdout);
    for (path, says) in &go.files {
        assert_eq!(fabcert.files.get(path), Some(says), "{path}");
    }
    assert_eq!(fabcert.files.len(), go.files.len());

    let dir = scene.folder("network", Program::Fabcert);
    // A second run has the files of the first in place: what is registered stays, and what is enrolled is replaced.
    let again = scene.run(REGISTER_ENROLL, &[("AGAIN".to_owned(), "1".to_owned())], &dir, Program::Fabcert);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.files.len(), fabcert.files.len());
}
