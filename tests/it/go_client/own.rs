//! Lines of every command, in one home after the other command's: the effects follow each other.

use super::scene::{Program, Scene};
use super::{Difference, check, differences};

/// What differs on purpose.
const DIFFERENT: [Difference; 3] = [
    Difference { line: "--enrollment.type idemix", reason: "fabcert does not enrol Idemix credentials" },
    Difference { line: "fabric-ca-client version", reason: "the version names fabcert" },
    Difference { line: "affiliation modify org@P@.a", reason: "the names are printed, not Go's structure" },
];

/// Lines in the home `$DIR/home` of the registrar `reg@P@`, which is enrolled first.
const LINES: &[&str] = &[
    // The registrar.
    "fabric-ca-client enroll -u https://reg@P@:pw@@T@",
    "fabric-ca-client register --id.name p0@P@ --id.secret pw --id.type peer",
    "fabric-ca-client register --id.name=p1@P@ --id.secret=pw --id.type=peer --id.affiliation=org1.department1 -d",
    "fabric-ca-client register --id.name p2@P@ --id.secret pw --id.attrs 'a=1,\"b=x,y:ecert\",hf.Revoker=true' --id.maxenrollments 2",
    "fabric-ca-client register --caname ca-org1 --id.name u1@P@ --id.secret pw --id.type client --tls.certfiles \"@CA@\"",
    "fabric-ca-client register -u https://@T@ --id.name u2@P@ --id.secret pw --id.maxenrollments -1",
    "FABRIC_CA_CLIENT_ID_NAME=u3@P@ FABRIC_CA_CLIENT_ID_SECRET=pw FABRIC_CA_CLIENT_ID_TYPE=orderer fabric-ca-client register",
    "fabric-ca-client register --id.name p0@P@ --id.secret pw --id.type peer",
    "fabric-ca-client register",
    "fabric-ca-client register --id.name x@P@ --id.attrs foo",
    "fabric-ca-client register --id.name x@P@ --id.attrs foo=bar:no",
    "fabric-ca-client register --id.name x@P@ --id.affiliation nowhere",
    "fabric-ca-client register --id.name x@P@ --id.type ''  extra",
    "fabric-ca-client identity list --id p2@P@",
    "fabric-ca-client identity list",
    "fabric-ca-client identity list --id reg@P@ --tls.client.certfile msp/signcerts/cert.pem",
    "fabric-ca-client identity list --id reg@P@ --tls.client.certfile msp/signcerts/cert.pem --tls.client.keyfile none.pem",
    "fabric-ca-client identity list --id reg@P@ --tls.client.certfile none.pem",
    "fabric-ca-client identity list --id reg@P@ --tls.client.certfile \"@CA@\"",
    "fabric-ca-client identity list --id nobody@P@",
    "fabric-ca-client identity add i1@P@ --type peer --affiliation org1 --attrs 'x=y:ecert' --secret pw --maxenrollments 3",
    "fabric-ca-client identity add i2@P@ --json '{\"secret\":\"pw\",\"type\":\"user\",\"affiliation\":\"org1\",\"max_enrollments\":1,\"attrs\":[{\"name\":\"a\",\"value\":\"b\"}]}'",
    "fabric-ca-client identity add i3@P@ --secret pw",
    "fabric-ca-client identity add i4@P@ --json '{}' --type peer",
    "fabric-ca-client identity add i4@P@ --json '{'",
    "fabric-ca-client identity add i5@P@ --id.attrs a=b --secret pw --type peer --affiliation org1",
    "fabric-ca-client identity modify i5@P@ --id.attrs c=d:ecert",
    "fabric-ca-client identity add i6@P@ --json '{\"Secret\":\"pw\",\"Type\":\"peer\",\"Affiliation\":\"org1\",\"Attrs\":[{\"Name\":\"a\",\"Value\":\"b\"}]}'",
    "fabric-ca-client identity modify i6@P@ --json '{\"MAX_ENROLLMENTS\":4}'",
    "fabric-ca-client identity modify i6@P@ --json '{\"secret\":null,\"attrs\":null}'",
    "fabric-ca-client identity modify i6@P@ --json '{\"attrs\":[{\"name\":\"z\"}]}'",
    "fabric-ca-client identity add",
    "fabric-ca-client identity add a b",
    "fabric-ca-client identity modify i1@P@ --type orderer --attrs x= --affiliation org1.department2",
    "fabric-ca-client identity modify i1@P@ --secret new --maxenrollments -1",
    "fabric-ca-client identity modify nobody@P@ --type peer",
    "fabric-ca-client identity list --id i1@P@",
    "fabric-ca-client identity remove i2@P@",
    "fabric-ca-client identity remove i2@P@",
    // HTTP's basic authentication has no id with a colon.
    "fabric-ca-client register --id.name a:b@P@ --id.secret pw --id.type peer",
    "fabric-ca-client enroll -u https://a%3Ab@P@:pw@@T@ -M o10",
    "fabric-ca-client enroll -u https://a:b@P@:pw@@T@ -M o10",
    "fabric-ca-client identity list --id a:b@P@",
    "fabric-ca-client identity modify a:b@P@ --attrs x=y",
    "fabric-ca-client revoke -e a:b@P@",
    "fabric-ca-client identity remove a:b@P@",
    "fabric-ca-client identity remove reg@P@",
    "fabric-ca-client identity bogus",
    "fabric-ca-client affiliation add org@P@",
    "fabric-ca-client affiliation add org@P@.a.b",
    "fabric-ca-client affiliation add org@P@.a.b --force",
    "fabric-ca-client affiliation add org@P@",
    "fabric-ca-client affiliation list",
    "fabric-ca-client affiliation list --affiliation org@P@",
    "fabric-ca-client affiliation list --affiliation nowhere@P@",
    "fabric-ca-client affiliation modify org@P@.a --name org@P@.c",
    "fabric-ca-client affiliation modify org@P@",
    "fabric-ca-client affiliation list --affiliation org@P@.c",
    "fabric-ca-client affiliation remove org@P@",
    "fabric-ca-client affiliation remove org@P@.c.b --force >/dev/null",
    "fabric-ca-client affiliation remove",
    // Enrolments in other folders of the home.
    "fabric-ca-client enroll -u https://p0@P@:pw@@T@ -M peers/p0/msp --csr.hosts p0,localhost",
    "fabric-ca-client enroll -u https://p0@P@:pw@@T@ -M peers/p0/tls --enrollment.profile tls --csr.hosts 'p0, localhost'",
    "fabric-ca-client reenroll -M peers/p0/msp --csr.hosts p0,localhost,other",
    "fabric-ca-client reenroll -M peers/p0/tls --enrollment.profile tls --csr.hosts p0,localhost --csr.keyrequest.reusekey",
    "fabric-ca-client enroll -u https://p2@P@:pw@@T@ -M p2 --enrollment.attrs 'a,hf.Revoker:opt,nope:opt'",
    "fabric-ca-client enroll -u https://p2@P@:pw@@T@ -M p2b --enrollment.attrs nope",
    "fabric-ca-client enroll -u https://p2@P@:pw@@T@ -M p2c --enrollment.attrs a:b",
    "fabric-ca-client enroll -u https://u2@P@:pw@@T@ -M u2 --myskfile k/x.key --mycertfile c/x.crt --mycacertfile ca.crt",
    "fabric-ca-client reenroll -M u2 --myskfile k/x.key --mycertfile c/x.crt --mycacertfile ca.crt --csr.keyrequest.reusekey",
    "fabric-ca-client enroll -u https://u2@P@:pw@@T@ -M u3 --myskfile ../x.key",
    "fabric-ca-client enroll -u https://u3@P@:pw@@T@ -M o1 --csr.names C=GB,ST=Kent,O=Org1 --csr.serialnumber 7",
    "fabric-ca-client enroll -u https://u3@P@:pw@@T@ -M o2 --csr.names C=GB,X=1",
    "fabric-ca-client enroll -u https://u3@P@:pw@@T@ -M o3 --csr.names GB",
    "fabric-ca-client enroll -u https://u3@P@:pw@@T@ -M o4 --caname other",
    "fabric-ca-client enroll -u https://u3@P@:pw@@T@ -M o5 --enrollment.profile other",
    "fabric-ca-client enroll -u https://u3@P@:wrong@@T@ -M o6",
    "fabric-ca-client enroll -u https://u3@P@@@T@ -M o7",
    "fabric-ca-client enroll -u https://@T@ -M o8",
    "fabric-ca-client enroll -u https://u3@P@:pw@localhost:1 -M o9",
    "fabric-ca-client enroll -u https://u1@P@:pw@@T@ -M i1 --enrollment.type idemix",
    "fabric-ca-client enroll -u https://u1@P@:pw@@T@ -M i2 --csr.keyrequest.size 521",
    "fabric-ca-client enroll -u https://u1@P@:pw@@T@ -M i5 --csp.default PKCS11",
    "FABRIC_CA_CLIENT_CSR_KEYREQUEST_SIZE=384 FABRIC_CA_CLIENT_MSPDIR=k1 fabric-ca-client enroll -u https://u1@P@:pw@@T@",
    "FABRIC_CA_CLIENT_HOME= FABRIC_CA_HOME=$DIR/second fabric-ca-client enroll -u https://u1@P@:pw@@T@ -m second.example.com",
    "FABRIC_CA_CLIENT_HOME= CA_CFG_PATH=third fabric-ca-client enroll --url=https://u1@P@:pw@@T@ --enrollment.profile=tls",
    "FABRIC_CA_CLIENT_HOME= fabric-ca-client enroll -u https://u1@P@:pw@@T@ -M here",
    "fabric-ca-client enroll -u https://u1@P@:pw@@T@ -M i3 --enrollment.label x --idemix.curve gurvy.Bn254 --loglevel error",
    "fabric-ca-client enroll -u https://u1@P@:pw@@T@ -c $DIR/other/config.yaml -M own",
    "fabric-ca-client -d enroll -u https://u1@P@:pw@@T@ -M i4",
    "fabric-ca-client reenroll -M nothere",
    "fabric-ca-client reenroll",
    // What a CA gives out.
    "fabric-ca-client getcainfo -u https://@T@ -M c1",
    "fabric-ca-client getcacert -u https://@T@ --caname ca-org1 -M c2 --enrollment.profile tls",
    "fabric-ca-client getcainfo -u http://@H@ -M c3",
    "fabric-ca-client getcainfo -u https://@T@ -M c4 --mycacertfile roots/ca.pem",
    "fabric-ca-client gencsr --csr.cn foo -M g1 --csr.hosts a,b",
    "fabric-ca-client gencsr -M g2",
    "fabric-ca-client gencsr --csr.cn x -M g3 --csr.names C=GB,O=Org1,OU=peer",
    "mkdir $DIR/map; echo 'csr: {names: {C: GB, O: Acme}}' > $DIR/map/c.yaml; fabric-ca-client gencsr --csr.cn x -c $DIR/map/c.yaml",
    "fabric-ca-client gencsr --csr.cn foo -H $DIR/fresh",
    "fabric-ca-client certificate list --id nobody@P@",
    "fabric-ca-client certificate list --id p0@P@ --store certs >/dev/null",
    "fabric-ca-client certificate list --id p2@P@ --notexpired --notrevoked --store certs >/dev/null",
    "fabric-ca-client certificate list --id p0@P@ --expiration 2018-01-01::2018-01-30",
    "fabric-ca-client certificate list --id p0@P@ --expiration 2018/01/01::2018-01-30",
    "fabric-ca-client certificate list --id p0@P@ --revocation now",
    "fabric-ca-client certificate list --id p0@P@ --expiration -30d::now",
    // Revocations.
    "fabric-ca-client revoke",
    "fabric-ca-client revoke -e nobody@P@",
    "fabric-ca-client revoke -s 1 -a 2",
    "fabric-ca-client revoke -e p0@P@ -r keycompromise --gencrl",
    // A revoker without hf.GenCRL.
    "fabric-ca-client register --id.name rev@P@ --id.secret pw --id.affiliation org1 --id.attrs 'hf.Revoker=true,hf.Registrar.Roles=peer'",
    "fabric-ca-client register --id.name v@P@ --id.secret pw --id.affiliation org1 --id.type peer",
    "fabric-ca-client enroll -u https://rev@P@:pw@@T@ -M revoker",
    "fabric-ca-client enroll -u https://v@P@:pw@@T@ -M v",
    "fabric-ca-client revoke -e v@P@ --gencrl -M revoker",
    "fabric-ca-client revoke --revoke.name p1@P@ --revoke.reason bogus",
    "fabric-ca-client certificate list --id p0@P@ --notrevoked",
    "fabric-ca-client enroll -u https://p0@P@:pw@@T@ -M revoked",
    "fabric-ca-client gencrl -M msp",
    "fabric-ca-client gencrl --revokedafter 2017-09-13T16:39:57-08:00 --revokedbefore 2017-09-21T16:39:57-08:00",
    "fabric-ca-client gencrl --expireafter bogus",
    "fabric-ca-client gencrl --expireafter 2026-01-02T00:00:00Z --expirebefore 2026-01-01T00:00:00Z",
    // The grammar.
    "fabric-ca-client version",
    "fabric-ca-client bogus",
    "fabric-ca-client enrol",
    "fabric-ca-client enroll --bogus",
    "fabric-ca-client enroll -x",
    "fabric-ca-client enroll -u",
    "fabric-ca-client enroll extra",
    "fabric-ca-client enroll --csr.keyrequest.size=abc",
    "fabric-ca-client enroll --debug=xyz",
    "fabric-ca-client identity list extra",
    "fabric-ca-client identity --help",
    "fabric-ca-client revoke -h",
    "fabric-ca-client help certificate list",
];

#[test]
fn lines_of_every_command_do_what_they_do_with_the_go_client() {
    let Some(scene) = Scene::start() else { return };
    for program in Program::BOTH {
        let id = format!("reg{}", program.suffix());
        let attrs = "hf.Registrar.Roles=*,hf.Registrar.Attributes=*,hf.Registrar.DelegateRoles=*,hf.Revoker=true,hf.GenCRL=true,hf.AffiliationMgr=true";
        let mut register = vec!["register", "--id.name", &id, "--id.secret", "pw", "--id.affiliation", "."];
        register.extend(["--id.attrs", attrs]);
        scene.by_registrar(false, &register);
    }
    let mut found = Vec::new();
    for line in LINES {
        let run = |program| {
            let dir = scene.folder("own", program);
            let home = dir.join("home").display().to_string();
            let variables = [("FABRIC_CA_CLIENT_HOME", home.as_str()), ("FABRIC_CA_CLIENT_TLS_CERTFILES", "@CA@")];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            scene.run(line, &variables, &dir, program)
        };
        let [mut go, mut fabcert] = Program::BOTH.map(run);
        // What failed lines and other keys of the Go client left behind is no difference of this line.
        let files = |done: &super::scene::Done| done.files.keys().cloned().collect::<Vec<_>>();
        for path in files(&go).into_iter().filter(|path| !fabcert.files.contains_key(path)) {
            let failed = ["o", "i", "p2b", "p2c", "u3", "nothere", "revoked"];
            let name = path.trim_start_matches("home/").split('/').next().unwrap().to_owned();
            if failed.iter().any(|start| name.starts_with(start)) {
                go.files.remove(&path);
            }
        }
        fabcert.files.retain(|path, _| !path.ends_with("SKI_sk"));
        go.files.retain(|path, _| !path.ends_with("SKI_sk"));
        found.push(((*line).to_owned(), differences(&go, &fabcert)));
    }
    check(&found, &DIFFERENT);
    // The end at the CA: every identity, by the registrar of the real client.
    let listed = scene.by_registrar(false, &["identity", "list"]);
    let of = |program: Program| {
        let mut lines: Vec<String> = listed
            .lines()
            .filter(|line| line.contains(program.suffix()))
            .map(|line| {
                let line = line.replace(program.suffix(), "");
                let mut words: Vec<&str> = line.split(['{', '}', ',']).map(str::trim).collect();
                words.sort_unstable();
                words.join(" ")
            })
            .collect();
        lines.sort_unstable();
        lines
    };
    assert!(of(Program::Go).len() > 8);
    assert_eq!(of(Program::Go), of(Program::Fabcert));
}
