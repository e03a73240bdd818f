//! Reads `config.yaml` as Fabric's YAML library does (go.yaml.in/yaml/v4 into fabric `msp/configbuilder.go`,
//! `Configuration`): any scalar is accepted where text is expected, and unknown keys are ignored.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::node_ous::{ConfigError, MspConfig, NodeOus, OuIdentifier, key_of};
use crate::pki::x509::NodeOu;

/// Reads the first document.
pub(super) fn parse(text: &[u8]) -> Result<MspConfig, ConfigError> {
    let refuse = |why: String| Err(ConfigError::Yaml(why));
    let text = match decode(text) {
        Ok(text) => text,
        Err(e) => return refuse(e),
    };
    let text = text.trim_start_matches('\u{feff}');
    let directives = text.lines().take_while(|line| !line.starts_with("---"));
    if directives.filter_map(|line| line.strip_prefix("%YAML")).any(|version| version.trim() != "1.1") {
        return refuse("it declares a YAML version other than 1.1".to_owned());
    }
    let Some(document) = yaml_serde::Deserializer::from_str(text).next() else { return Ok(MspConfig::default()) };
    match Option::<Read<Top>>::deserialize(document) {
        Ok(read) => Ok(read.map(|read| read.0.finish()).unwrap_or_default()),
        // The text holds only comments.
        Err(_)
            if text.lines().all(|l| l.trim_matches(' ').is_empty() || l.trim_start_matches(' ').starts_with('#')) =>
        {
            Ok(MspConfig::default())
        }
        Err(e) => refuse(e.to_string()),
    }
}

/// UTF-8, or UTF-16 with a byte-order mark.
fn decode(text: &[u8]) -> Result<Cow<'_, str>, String> {
    let from_bytes: fn([u8; 2]) -> u16 = match text {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|e| e.to_string()),
    };
    let pairs = text.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err("it ends within a character of UTF-16".to_owned());
    }
    let units: Vec<u16> = pairs.map(|pair| from_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map(Cow::Owned).map_err(|e| e.to_string())
}

/// A mapping with some known keys.
trait Section: Default {
    /// Reads the value of `key`; returns `false`, without reading the value, when the key is unknown.
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, values: &mut A) -> Result<bool, A::Error>;

    /// Takes missing values from a merge key (`<<`).
    fn fill(&mut self, from: Self);
}

/// A section that was read.
struct Read<T>(T);

impl<'de, T: Section> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SectionVisitor(PhantomData))
    }
}

struct SectionVisitor<T>(PhantomData<T>);

impl<'de, T: Section> Visitor<'de> for SectionVisitor<T> {
    type Value = Read<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read<T>, A::Error> {
        let mut section = T::default();
        let mut merged = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            if key == "<<" {
                merged.extend(map.next_value::<Merged<T>>()?.0);
            } else if !section.read(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the key {key} appears twice")));
            }
            seen.push(key);
        }
        for below in merged {
            section.fill(below);
        }
        Ok(Read(section))
    }
}

/// The value of a merge key: a mapping or a list of them.
struct Merged<T>(Vec<T>);

impl<'de, T: Section> Deserialize<'de> for Merged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MergedVisitor(PhantomData))
    }
}

struct MergedVisitor<T>(PhantomData<T>);

impl<'de, T: Section> Visitor<'de> for MergedVisitor<T> {
    type Value = Merged<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping or a list of mappings")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Merged<T>, A::Error> {
        SectionVisitor(PhantomData).visit_map(map).map(|read| Merged(vec![read.0]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Merged<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(Read(section)) = list.next_element()? {
            all.push(section);
        }
        Ok(Merged(all))
    }
}

/// A scalar as text.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A boolean. The words of YAML 1.1 are accepted, quoted too; a quoted `"true"` is not (go.yaml.in/yaml/v4
/// `constructor.go`).
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;
        impl Visitor<'_> for FlagVisitor {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false, without quotes")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_unit<E>(self) -> Result<Flag, E> {
                Ok(Flag(false))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Flag, E> {
                match text {
                    "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Flag(true)),
                    "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(FlagVisitor)
    }
}

fn text<'de, A: MapAccess<'de>>(values: &mut A) -> Result<Option<String>, A::Error> {
    Ok(values.next_value::<Option<Text>>()?.map(|text| text.0))
}

fn section<'de, A: MapAccess<'de>, T: Section>(values: &mut A) -> Result<Option<T>, A::Error> {
    Ok(values.next_value::<Option<Read<T>>>()?.map(|read| read.0))
}

#[derive(Default)]
struct Ou {
    certificate: Option<String>,
    organizational_unit: Option<String>,
}

impl Section for Ou {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, values: &mut A) -> Result<bool, A::Error> {
        match key {
            "Certificate" => self.certificate = text(values)?,
            "OrganizationalUnitIdentifier" => self.organizational_unit = text(values)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn fill(&mut self, from: Self) {
        self.certificate = self.certificate.take().or(from.certificate);
        self.organizational_unit = self.organizational_unit.take().or(from.organizational_unit);
    }
}

impl Ou {
    fn finish(self) -> OuIdentifier {
        OuIdentifier {
            certificate: self.certificate.unwrap_or_default(),
            organizational_unit: self.organizational_unit.unwrap_or_default(),
        }
    }
}

#[derive(Default)]
struct Units {
    enable: Option<bool>,
    identifiers: [Option<Ou>; 4],
}

impl Section for Units {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, values: &mut A) -> Result<bool, A::Error> {
        if key == "Enable" {
            self.enable = Some(values.next_value::<Flag>()?.0);
            return Ok(true);
        }
        let Some(at) = NodeOu::ALL.iter().position(|role| key_of(*role) == key) else { return Ok(false) };
        self.identifiers[at] = section(values)?;
        Ok(true)
    }

    fn fill(&mut self, from: Self) {
        self.enable = self.enable.or(from.enable);
        for (own, other) in self.identifiers.iter_mut().zip(from.identifiers) {
            *own = own.take().or(other);
        }
    }
}

impl Units {
    fn finish(self) -> NodeOus {
        let identifiers = NodeOu::ALL.into_iter().zip(self.identifiers);
        NodeOus {
            enable: self.enable.unwrap_or_default(),
            identifiers: identifiers.filter_map(|(role, ou)| Some((role, ou?.finish()))).collect(),
        }
    }
}

#[derive(Default)]
struct Top {
    ou_identifiers: Option<Vec<Ou>>,
    node_ous: Option<Units>,
}

impl Section for Top {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, values: &mut A) -> Result<bool, A::Error> {
        match key {
            "NodeOUs" => self.node_ous = section(values)?,
            "OrganizationalUnitIdentifiers" => {
                let list = values.next_value::<Option<Vec<Option<Read<Ou>>>>>()?;
                self.ou_identifiers =
                    list.map(|l| l.into_iter().map(|ou| ou.map(|ou| ou.0).unwrap_or_default()).collect());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn fill(&mut self, from: Self) {
        self.ou_identifiers = self.ou_identifiers.take().or(from.ou_identifiers);
        self.node_ous = self.node_ous.take().or(from.node_ous);
    }
}

impl Top {
    fn finish(self) -> MspConfig {
        MspConfig {
            ou_identifiers: self.ou_identifiers.unwrap_or_default().into_iter().map(Ou::finish).collect(),
            node_ous: self.node_ous.map(Units::finish),
        }
    }
}
