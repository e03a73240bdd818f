//! The commands and flags of fabric-ca-client 1.5.21 (`cmd/fabric-ca-client/command`, `lib/clientconfig.go`, `api/client.go`).

/// The kind of a flag's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Switch,
    List,
}

/// A flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    pub(super) help: &'static str,
    pub(super) hidden: bool,
}

/// A command, or a word above commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) name: &'static str,
    /// What follows the name in its usage.
    pub(super) usage: &'static str,
    pub(super) alias: Option<&'static str>,
    pub(super) short: &'static str,
    pub(super) long: &'static str,
    pub(super) examples: &'static str,
    pub(super) flags: &'static [Flag],
    pub(super) below: &'static [Self],
    /// The name of the command above it.
    above: &'static str,
}

/// The name of the program.
pub(in crate::cli) const NAME: &str = "fabric-ca-client";

pub(super) const HELP: &str = "help";

const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, short: None, kind, default, help, hidden: false }
}

const fn text(name: &'static str, help: &'static str) -> Flag {
    flag(name, Kind::Text, "", help)
}

const fn number(name: &'static str, help: &'static str) -> Flag {
    flag(name, Kind::Number, "", help)
}

const fn switch(name: &'static str, help: &'static str) -> Flag {
    flag(name, Kind::Switch, "", help)
}

const fn list(name: &'static str, help: &'static str) -> Flag {
    flag(name, Kind::List, "", help)
}

const fn short(letter: char, flag: Flag) -> Flag {
    Flag { short: Some(letter), ..flag }
}

const fn hidden(flag: Flag) -> Flag {
    Flag { hidden: true, ..flag }
}

/// `--help`, which every command has.
pub(super) const HELP_FLAG: Flag = short('h', switch(HELP, "help for "));

/// The flags of every command, by name. The defaults of `--home` and `--myhost` depend on the machine.
pub(super) const GLOBAL: &[Flag] = &[
    text("caname", "Name of CA"),
    hidden(short('c', text("config", "Configuration file"))),
    hidden(text("csp.default", "")),
    hidden(text("csp.sw.filekeystore.keystorepath", "")),
    hidden(text("csp.sw.hash", "")),
    hidden(number("csp.sw.security", "")),
    hidden(text("csr.ca.backdate", "")),
    hidden(text("csr.ca.expiry", "")),
    hidden(number("csr.ca.pathlength", "")),
    hidden(switch("csr.ca.pathlenzero", "")),
    text("csr.cn", "The common name field of the certificate signing request"),
    list("csr.hosts", "A list of comma-separated host names in a certificate signing request"),
    text("csr.keyrequest.algo", "Specify key algorithm"),
    switch("csr.keyrequest.reusekey", "Reuse existing key during reenrollment"),
    number("csr.keyrequest.size", "Specify key size"),
    list("csr.names", "A list of comma-separated CSR names of the form <name>=<value> (e.g. C=CA,O=Org1)"),
    text("csr.serialnumber", "The serial number in a certificate signing request"),
    hidden(short('d', switch("debug", "Enable debug level logging"))),
    list(
        "enrollment.attrs",
        "A list of comma-separated attribute requests of the form <name>[:opt] (e.g. foo,bar:opt)",
    ),
    text("enrollment.label", "Label to use in HSM operations"),
    text("enrollment.profile", "Name of the signing profile to use in issuing the certificate"),
    flag("enrollment.type", Kind::Text, "x509", "The type of enrollment request: 'x509' or 'idemix'"),
    short('H', text("home", "Client's home directory")),
    text("id.affiliation", "The identity's affiliation"),
    list("id.attrs", ATTRS),
    number("id.maxenrollments", MAX_ENROLLMENTS),
    text("id.name", "Unique name of the identity"),
    text("id.secret", "The enrollment secret for the identity being registered"),
    flag("id.type", Kind::Text, "client", TYPE),
    flag(
        "idemix.curve",
        Kind::Text,
        "amcl.Fp256bn",
        "The identity mixer curve ID to use among {'amcl.Fp256bn', 'gurvy.Bn254', 'amcl.Fp256Miraclbn'}",
    ),
    text("loglevel", "Set logging level (info, warning, debug, error, fatal, critical)"),
    short('M', flag("mspdir", Kind::Text, "msp", "Membership Service Provider directory")),
    text("mycacertfile", "[Optional]: Path within the MSP directory where the root CA certificate is written"),
    text("mycertfile", "[Optional]: Path within the MSP directory where the enrollment certificate is written"),
    short('m', text("myhost", "Hostname to include in the certificate signing request during enrollment")),
    text("myskfile", "[Optional]: Path within the MSP directory where the private key is written"),
    short('a', text("revoke.aki", "AKI (Authority Key Identifier) of the certificate to be revoked")),
    short('e', text("revoke.name", "Identity whose certificates should be revoked")),
    short('r', text("revoke.reason", "Reason for revocation")),
    short('s', text("revoke.serial", "Serial number of the certificate to be revoked")),
    list("tls.certfiles", "A list of comma-separated PEM-encoded trusted certificate files (e.g. root1.pem,root2.pem)"),
    text("tls.client.certfile", "PEM-encoded certificate file when mutual authenticate is enabled"),
    text("tls.client.keyfile", "PEM-encoded key file when mutual authentication is enabled"),
    short('u', flag("url", Kind::Text, "http://localhost:7054", "URL of fabric-ca-server")),
];

const ATTRS: &str = "A list of comma-separated attributes of the form <name>=<value> (e.g. foo=foo1,bar=bar1)";
const MAX_ENROLLMENTS: &str =
    "The maximum number of times the secret can be reused to enroll (default CA's Max Enrollment)";
const TYPE: &str = "Type of identity being registered (e.g. 'peer, app, user')";

const fn command(name: &'static str, short: &'static str, long: &'static str) -> Command {
    Command { name, usage: "", alias: None, short, long, examples: "", flags: &[], below: &[], above: NAME }
}

const fn of(above: &'static str, command: Command) -> Command {
    Command { above, ..command }
}

/// The program.
pub(super) static ROOT: Command = Command {
    above: "",
    below: &[
        Command {
            below: &[
                of(
                    "affiliation",
                    Command {
                        usage: " <affiliation>",
                        flags: &[switch("force", "Creates parent affiliations if they do not exist")],
                        ..command("add", "Add affiliation", "Add affiliation")
                    },
                ),
                of(
                    "affiliation",
                    Command {
                        flags: &[text("affiliation", "Get affiliation information from the fabric-ca server")],
                        ..command("list", "List affiliations", "List affiliations visible to caller")
                    },
                ),
                of(
                    "affiliation",
                    Command {
                        usage: " <affiliation>",
                        flags: &[
                            switch("force", "Forces identities using old affiliation to use new affiliation"),
                            text("name", "Rename the affiliation"),
                        ],
                        ..command("modify", "Modify affiliation", "Modify existing affiliation")
                    },
                ),
                of(
                    "affiliation",
                    Command {
                        usage: " <affiliation>",
                        flags: &[switch(
                            "force",
                            "Forces removal of any child affiliations and any identities associated with removed affiliations",
                        )],
                        ..command("remove", "Remove affiliation", "Remove affiliation")
                    },
                ),
            ],
            ..command("affiliation", "Manage affiliations", "Manage affiliations")
        },
        Command {
            below: &[of(
                "certificate",
                Command {
                    examples: "fabric-ca-client certificate list --id admin --expiration 2018-01-01::2018-01-30\n\
                           fabric-ca-client certificate list --id admin --expiration 2018-01-01T01:30:00z::2018-01-30T11:30:00z\n\
                           fabric-ca-client certificate list --id admin --expiration -30d::-15d",
                    flags: &[
                        text("aki", "Get certificates for this AKI"),
                        text("expiration", EXPIRATION),
                        text("id", "Get certificates for this enrollment ID"),
                        switch("notexpired", "Don't return expired certificates"),
                        switch("notrevoked", "Don't return revoked certificates"),
                        text("revocation", REVOCATION),
                        text("serial", "Get certificates for this serial number"),
                        text("store", "Store requested certificates in this location"),
                    ],
                    ..command(
                        "list",
                        "List certificates",
                        "List all certificates which are visible to the caller and match the flags",
                    )
                },
            )],
            ..command("certificate", "Manage certificates", "Manage certificates")
        },
        Command {
            usage: " -u http://user:userpw@serverAddr:serverPort",
            ..command("enroll", "Enroll an identity", "Enroll identity with Fabric CA server")
        },
        Command {
            flags: &[
                text(
                    "expireafter",
                    "Generate CRL with certificates that expire after this UTC timestamp (in RFC3339 format)",
                ),
                text(
                    "expirebefore",
                    "Generate CRL with certificates that expire before this UTC timestamp (in RFC3339 format)",
                ),
                text(
                    "revokedafter",
                    "Generate CRL with certificates that were revoked after this UTC timestamp (in RFC3339 format)",
                ),
                text(
                    "revokedbefore",
                    "Generate CRL with certificates that were revoked before this UTC timestamp (in RFC3339 format)",
                ),
            ],
            ..command("gencrl", "Generate a CRL", "Generate a Certificate Revocation List")
        },
        Command {
            flags: &[text("csr.cn", "The common name for the certificate signing request")],
            ..command("gencsr", "Generate a CSR", "Generate a Certificate Signing Request for an identity")
        },
        Command {
            usage: " -u http://serverAddr:serverPort -M <MSP-directory>",
            alias: Some("getcacert"),
            ..command("getcainfo", CAINFO, CAINFO)
        },
        Command {
            below: &[
                of(
                    "identity",
                    Command {
                        usage: " <id>",
                        examples: "fabric-ca-client identity add user1 --type peer",
                        flags: &[
                            text("affiliation", "The identity's affiliation"),
                            list("attrs", ATTRS),
                            text("json", "JSON string for adding a new identity"),
                            number("maxenrollments", MAX_ENROLLMENTS),
                            text("secret", "The enrollment secret for the identity being added"),
                            flag("type", Kind::Text, "user", TYPE),
                        ],
                        ..command("add", "Add identity", "Add an identity")
                    },
                ),
                of(
                    "identity",
                    Command {
                        flags: &[text("id", "Get identity information from the fabric-ca server")],
                        ..command("list", "List identities", "List identities visible to caller")
                    },
                ),
                of(
                    "identity",
                    Command {
                        usage: " <id>",
                        examples: "fabric-ca-client identity modify user1 --type peer",
                        flags: &[
                            text("affiliation", "The identity's affiliation"),
                            list("attrs", ATTRS),
                            text("json", "JSON string for modifying an existing identity"),
                            number("maxenrollments", "The maximum number of times the secret can be reused to enroll"),
                            text("secret", "The enrollment secret for the identity"),
                            text("type", TYPE),
                        ],
                        ..command("modify", "Modify identity", "Modify an existing identity")
                    },
                ),
                of(
                    "identity",
                    Command {
                        usage: " <id>",
                        examples: "fabric-ca-client identity remove user1",
                        flags: &[switch("force", "Forces removing your own identity")],
                        ..command("remove", "Remove identity", "Remove an identity")
                    },
                ),
            ],
            ..command("identity", "Manage identities", "Manage identities")
        },
        command("reenroll", "Reenroll an identity", "Reenroll an identity with Fabric CA server"),
        command("register", "Register an identity", "Register an identity with Fabric CA server"),
        Command {
            flags: &[switch("gencrl", "Generates a CRL that contains all revoked certificates")],
            ..command("revoke", "Revoke an identity", "Revoke an identity with Fabric CA server")
        },
        command("version", VERSION, VERSION),
    ],
    ..command(
        NAME,
        "Hyperledger Fabric Certificate Authority Client",
        "Hyperledger Fabric Certificate Authority Client",
    )
};

const CAINFO: &str = "Get CA certificate chain and Idemix public key";
const VERSION: &str = "Prints Fabric CA Client version";
const EXPIRATION: &str = "Get certificates which expire between the UTC timestamp (RFC3339 format) or duration specified (e.g. <begin_time>::<end_time>)";
const REVOCATION: &str = "Get certificates that were revoked between the UTC timestamp (RFC3339 format) or duration specified (e.g. <begin_time>::<end_time>)";

impl Command {
    /// The words that lead to it: `identity add`.
    pub(super) fn path(&self) -> String {
        if self.above.is_empty() || self.above == NAME {
            self.name.to_owned()
        } else {
            format!("{} {}", self.above, self.name)
        }
    }

    /// Whether it does something itself.
    pub(super) const fn runs(&self) -> bool {
        self.below.is_empty()
    }

    /// The command with this name or alias below it.
    pub(super) fn below(&self, name: &str) -> Option<&'static Self> {
        self.below.iter().find(|command| command.name == name || command.alias == Some(name))
    }

    /// The flag with this name.
    pub(super) fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.all_flags().find(|flag| flag.name == name)
    }

    /// The flag with this letter.
    pub(super) fn short(&self, letter: char) -> Option<&'static Flag> {
        self.all_flags().find(|flag| flag.short == Some(letter))
    }

    fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().chain([&HELP_FLAG]).chain(GLOBAL)
    }
}
