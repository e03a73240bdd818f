//! Whole scripts, run twice.

use super::scene::{Program, Scene, put};

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

/// The steps of Fabric CA's deployment guide: an administrator with a TLS certificate registers by it, and the key gets
/// another name.
const DEPLOYMENT_GUIDE: &str = r#"set -e
export FABRIC_CA_CLIENT_HOME="$DIR/fabric-ca-client"
fabric-ca-client enroll -d -u https://reg@P@:pw@@T@ --tls.certfiles tls-root-cert/tls-ca-cert.pem --enrollment.profile tls --mspdir tls-ca/tlsadmin/msp
fabric-ca-client register -d --id.name rcaadmin@P@ --id.secret rcaadminpw -u https://@T@ --tls.certfiles tls-root-cert/tls-ca-cert.pem --mspdir tls-ca/tlsadmin/msp
fabric-ca-client enroll -d -u https://rcaadmin@P@:rcaadminpw@@T@ --tls.certfiles tls-root-cert/tls-ca-cert.pem --enrollment.profile tls --csr.hosts 'host1,*.example.com' --mspdir tls-ca/rcaadmin/msp
cd "$FABRIC_CA_CLIENT_HOME/tls-ca/rcaadmin/msp/keystore" && mv *_sk key.pem && cd - >/dev/null
fabric-ca-client reenroll -d -u https://@T@ --tls.certfiles tls-root-cert/tls-ca-cert.pem --enrollment.profile tls --csr.hosts 'host1,*.example.com' --csr.keyrequest.reusekey --mspdir tls-ca/rcaadmin/msp
fabric-ca-client enroll -d -u https://reg@P@:pw@@T@ --tls.certfiles tls-root-cert/tls-ca-cert.pem --csr.hosts host1 --mspdir org1-ca/rcaadmin/msp
mv "$FABRIC_CA_CLIENT_HOME"/org1-ca/rcaadmin/msp/keystore/*_sk "$FABRIC_CA_CLIENT_HOME/org1-ca/rcaadmin/msp/keystore/key.pem"
fabric-ca-client register -d --id.name org1-admin@P@ --id.secret pw -u https://@T@ --mspdir ./org1-ca/rcaadmin/msp --id.type admin --tls.certfiles tls-root-cert/tls-ca-cert.pem --csr.hosts 'host1,*.example.com'
fabric-ca-client identity list --id org1-admin@P@ --mspdir ./org1-ca/rcaadmin/msp --tls.certfiles tls-root-cert/tls-ca-cert.pem
"#;

#[test]
fn the_steps_of_the_deployment_guide_make_the_same_material() {
    let Some(scene) = Scene::start() else { return };
    let [go, fabcert] = Program::BOTH.map(|program| {
        let id = format!("reg{}", program.suffix());
        let attrs = "hf.Registrar.Roles=*,hf.Registrar.Attributes=*";
        scene.by_registrar(false, &["register", "--id.name", &id, "--id.secret", "pw", "--id.attrs", attrs]);
        let dir = scene.folder("guide", program);
        put(&dir.join("fabric-ca-client/tls-root-cert/tls-ca-cert.pem"), scene.anchor());
        scene.run(DEPLOYMENT_GUIDE, &[], &dir, program)
    });
    assert_eq!((go.code, fabcert.code), (0, 0), "{}\n{}", go.stderr, fabcert.stderr);
    assert_eq!(go.stdout, fabcert.stdout);
    assert!(fabcert.files.contains_key("fabric-ca-client/tls-ca/rcaadmin/msp/keystore/key.pem"));
    assert_eq!(fabcert.files, go.files);
}

#[test]
fn the_profile_of_cas_is_refused_before_it_costs_an_enrolment() {
    let Some(scene) = Scene::start() else { return };
    let attrs = ["--id.attrs", "hf.IntermediateCA=true", "--id.maxenrollments", "1"];
    scene.by_registrar(false, &[&["register", "--id.name", "ica", "--id.secret", "pw"][..], &attrs].concat());
    let dir = scene.folder("ica", Program::Fabcert);
    let line = "fabric-ca-client enroll -u https://ica:pw@@T@ --tls.certfiles @CA@ -H $DIR/h";
    let refused = scene.run(&format!("{line} --enrollment.profile ca"), &[], &dir, Program::Fabcert);
    assert!(refused.code == 1 && refused.stderr.contains("enrollment.profile: fabcert"), "{}", refused.stderr);
    let done = scene.run(line, &[], &dir, Program::Fabcert);
    assert_eq!(done.code, 0, "the enrolment was spent: {}", done.stderr);
}

#[test]
fn a_refusal_is_remembered_and_its_words_are_those_of_this_command_line() {
    let Some(scene) = Scene::start() else { return };
    let dir = scene.folder("refused", Program::Fabcert);
    let line = "fabric-ca-client enroll -u https://nobody:pw@@T@ --tls.certfiles @CA@ -H $DIR/h";
    let before = scene.refused();
    for _ in 0..2 {
        let done = scene.run(line, &[], &dir, Program::Fabcert);
        assert_eq!(done.code, 1);
        assert!(!done.stderr.contains("--ca-name"), "{}", done.stderr);
        let words = "Error: Response from server: Error Code: 20 - Authentication failure";
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
    assert_eq!(scene.refused() - before, 1, "the same secret was sent again at once");
}

/// Scripts that register, or set a secret, where an enrolment is refused.
const REGISTER_AFTER_REFUSAL: &str = r#"set -e
export FABRIC_CA_CLIENT_HOME="$DIR/h" FABRIC_CA_CLIENT_TLS_CERTFILES="@CA@"
fabric-ca-client enroll -u https://reg@P@:pw@@T@
E="fabric-ca-client enroll -u https://late@P@:pw@@T@ -M peers/late/msp"
$E || { fabric-ca-client register --id.name late@P@ --id.secret pw && $E; }
E="fabric-ca-client enroll -u https://late@P@:other@@T@ -M peers/late/msp"
$E || { fabric-ca-client identity modify late@P@ --secret other && $E; }
"#;

#[test]
fn a_secret_is_sent_again_once_the_registrar_has_registered_or_changed_the_identity() {
    let Some(scene) = Scene::start() else { return };
    for program in Program::BOTH {
        let id = format!("reg{}", program.suffix());
        let attrs = "hf.Registrar.Roles=*,hf.Registrar.Attributes=*";
        scene.by_registrar(false, &["register", "--id.name", &id, "--id.secret", "pw", "--id.attrs", attrs]);
        let done = scene.run(REGISTER_AFTER_REFUSAL, &[], &scene.folder("late", program), program);
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
}

#[test]
fn a_refusal_of_reenroll_and_a_missing_enrolment_have_the_words_of_the_go_client() {
    let Some(scene) = Scene::start() else { return };
    let dir = scene.folder("words", Program::Fabcert);
    let again = "fabric-ca-client reenroll -u https://@T@ --tls.certfiles @CA@ -H $DIR/h";
    let missing = scene.run(again, &[], &dir, Program::Fabcert);
    assert!(missing.stderr.contains("-u http://user:userpw@serverAddr:serverPort"), "{}", missing.stderr);
    scene.by_registrar(false, &["register", "--id.name", "gone", "--id.secret", "pw"]);
    let line = "fabric-ca-client enroll -u https://gone:pw@@T@ --tls.certfiles @CA@ -H $DIR/h";
    assert_eq!(scene.run(line, &[], &dir, Program::Fabcert).code, 0);
    scene.by_registrar(false, &["identity", "remove", "gone"]);
    let refused = scene.run(again, &[], &dir, Program::Fabcert);
    assert!(refused.stderr.contains("Error: Response from server: Error Code: 20 - "), "{}", refused.stderr);
}

#[test]
fn a_tls_certificate_of_the_host_name_alone_is_warned_of() {
    let Some(scene) = Scene::start() else { return };
    scene.by_registrar(false, &["register", "--id.name", "host", "--id.secret", "pw"]);
    let dir = scene.folder("host", Program::Fabcert);
    let line = "fabric-ca-client enroll -u https://host:pw@@T@ --tls.certfiles @CA@ -H $DIR/h --enrollment.profile tls";
    let done = scene.run(line, &[], &dir, Program::Fabcert);
    assert!(done.code == 0 && done.stderr.contains("warning: the only name"), "{}", done.stderr);
    let named = scene.run(&format!("{line} --csr.hosts a"), &[], &dir, Program::Fabcert);
    assert!(named.code == 0 && !named.stderr.contains("host name"), "{}", named.stderr);
}

#[test]
fn names_of_the_certificate_before_are_kept_which_the_go_client_does_not() {
    let Some(scene) = Scene::start() else { return };
    let [go, fabcert] = Program::BOTH.map(|program| {
        let id = format!("kept{}", program.suffix());
        scene.by_registrar(false, &["register", "--id.name", &id, "--id.secret", "pw"]);
        let dir = scene.folder("kept", program);
        let enroll =
            "fabric-ca-client enroll -u https://kept@P@:pw@@T@ --tls.certfiles @CA@ -H $DIR/h --enrollment.profile tls";
        scene.run(&format!("{enroll} --csr.hosts a,b && {enroll} --csr.hosts b,c"), &[], &dir, program)
    });
    let names = |done: &super::scene::Done| done.files["h/msp/signcerts/cert.pem"].contains("[\"a\", \"b\", \"c\"]");
    assert!(!names(&go) && names(&fabcert), "{}", fabcert.stderr);
}

#[test]
fn runs_in_one_folder_at_once_end_well() {
    let Some(scene) = Scene::start() else { return };
    for program in Program::BOTH {
        let id = format!("twice{}", program.suffix());
        scene.by_registrar(false, &["register", "--id.name", &id, "--id.secret", "pw"]);
        let enroll = "fabric-ca-client enroll -u https://twice@P@:pw@@T@ --tls.certfiles @CA@ -H $DIR/h -M a/b/msp";
        let all =
            format!("for i in 1 2 3 4; do {enroll} & all=\"$all $!\"; done; for i in $all; do wait $i || exit; done");
        let done = scene.run(&all, &[], &scene.folder("twice", program), program);
        assert_eq!(done.code, 0, "{program:?}: {}", done.stderr);
        assert!(done.files.contains_key("h/a/b/msp/signcerts/cert.pem"));
    }
}

#[test]
fn what_is_not_utf_8_is_not_passed_over() {
    let Some(scene) = Scene::start() else { return };
    let dir = scene.folder("utf8", Program::Fabcert);
    let line = "fabric-ca-client getcainfo -u https://@T@ --tls.certfiles @CA@ -H $DIR/h";
    for (line, what) in [
        (format!("FABRIC_CA_CLIENT_CANAME=$'ca\\xff' {line}"), "FABRIC_CA_CLIENT_CANAME is not UTF-8"),
        (format!("HOME=$'/tmp/\\xff' {line}"), "HOME is not UTF-8"),
        (format!("{line} -M $'m\\xff'"), "argument 9 is not UTF-8"),
    ] {
        let done = scene.run(&line, &[], &dir, Program::Fabcert);
        assert!(done.code == 1 && done.stderr.contains(what), "{line}: {}", done.stderr);
    }
    assert!(!dir.join("h").exists());
}
