//! Subject names as on the real server: fixed order, only known types, several values of a type in one RDN.

use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, construct_der};

/// The parts of a subject that the CA copies or sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) country: Vec<String>,
    pub(super) state: Vec<String>,
    pub(super) locality: Vec<String>,
    pub(super) organization: Vec<String>,
    pub(super) units: Vec<String>,
    pub(super) common_name: String,
    pub(super) serial_number: String,
}

impl Subject {
    /// From attribute types (dotted OID) and values; the last of several CNs or serial numbers counts.
    pub(super) fn from_fields(fields: &[(String, String)]) -> Self {
        let mut subject = Self::default();
        for (oid, value) in fields {
            match oid.as_str() {
                "2.5.4.6" => subject.country.push(value.clone()),
                "2.5.4.8" => subject.state.push(value.clone()),
                "2.5.4.7" => subject.locality.push(value.clone()),
                "2.5.4.10" => subject.organization.push(value.clone()),
                "2.5.4.11" => subject.units.push(value.clone()),
                "2.5.4.3" => subject.common_name.clone_from(value),
                "2.5.4.5" => subject.serial_number.clone_from(value),
                _ => {}
            }
        }
        subject
    }

    /// The subject of the real server's CA certificates, with this OU and CN.
    pub(super) fn of_ca(unit: &str, common_name: &str) -> Self {
        Self {
            country: vec!["US".to_owned()],
            state: vec!["North Carolina".to_owned()],
            organization: vec!["Hyperledger".to_owned()],
            units: vec![unit.to_owned()],
            common_name: common_name.to_owned(),
            ..Self::default()
        }
    }

    /// The `Name`, DER, in the order of Go's `crypto/x509/pkix`.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let one = |text: &String| if text.is_empty() { Vec::new() } else { vec![text.clone()] };
        let rdns = [
            (6, self.country.clone()),
            (8, self.state.clone()),
            (7, self.locality.clone()),
            (10, self.organization.clone()),
            (11, self.units.clone()),
            (3, one(&self.common_name)),
            (5, one(&self.serial_number)),
        ];
        construct_der(|w| {
            w.write_sequence(|w| {
                for (arc, values) in rdns.iter().filter(|(_, values)| !values.is_empty()) {
                    // A SET OF: DER sorts it, shorter values first.
                    w.next().write_set_of(|w| {
                        for value in values {
                            w.next().write_sequence(|w| {
                                w.next().write_oid(&ObjectIdentifier::from_slice(&[2, 5, 4, *arc]));
                                write_directory_string(w.next(), value);
                            });
                        }
                    });
                }
            });
        })
    }
}

/// `PrintableString` if possible, else `UTF8String`, as in Go's `encoding/asn1`.
fn write_directory_string(w: DERWriter<'_>, text: &str) {
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    if text.bytes().all(printable) {
        w.write_printable_string(text);
    } else {
        w.write_utf8_string(text);
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;
    use x509_parser::x509::X509Name;

    use super::*;

    #[test]
    fn several_units_share_one_rdn_shorter_first() {
        let subject = Subject {
            country: vec!["GB".into()],
            organization: vec!["Org1".into()],
            units: ["peer", "org1", "department1"].map(String::from).to_vec(),
            common_name: "peer0".into(),
            ..Subject::default()
        };
        let der = subject.to_der();
        let (_, name) = X509Name::from_der(&der).unwrap();
        let rdns: Vec<Vec<&str>> =
            name.iter_rdn().map(|rdn| rdn.iter().map(|a| a.as_str().unwrap()).collect()).collect();
        assert_eq!(rdns, [vec!["GB"], vec!["Org1"], vec!["org1", "peer", "department1"], vec!["peer0"]]);
    }
}
