//! A protobuf message, encoded or as the JSON that configtxlator prints, read field by field.
//!
//! Both forms have the same tree: where an encoded field holds an encoded message as bytes, configtxlator prints that
//! message (hyperledger/fabric-config, `protolator/json.go`). Bytes of other kinds are base64 there, and 64-bit numbers
//! are strings.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::error::ChannelError;
use super::wire::{WireFields, WireValue};

/// The most values of one field: bounds the memory of a hostile file.
pub(super) const MOST: usize = 10_000;

/// A field of a message: its number, and its name in `.proto` files and JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field(pub(super) u64, pub(super) &'static str);

/// A value, with its offset in the file if it is encoded.
#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Wire(WireValue<'a>, usize),
    Json(&'a Json),
}

impl Value<'_> {
    const fn offset(self) -> Option<usize> {
        match self {
            Self::Wire(_, at) => Some(at),
            Self::Json(_) => None,
        }
    }
}

/// A message. A message inside it is read when it is asked for, so that each level is scanned once a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    name: &'static str,
    value: Value<'a>,
}

impl<'a> Message<'a> {
    /// An encoded message, the whole content of a file.
    pub(super) const fn encoded(name: &'static str, bytes: &'a [u8]) -> Self {
        Self { name, value: Value::Wire(WireValue::Bytes(bytes), 0) }
    }

    /// A message as JSON.
    pub(super) const fn json(name: &'static str, json: &'a Json) -> Self {
        Self { name, value: Value::Json(json) }
    }

    /// The same content as a message of another kind.
    pub(super) const fn renamed(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// An error about this message.
    pub(super) fn error(&self, reason: impl Into<String>) -> ChannelError {
        ChannelError { message: self.name, field: "", offset: self.value.offset(), reason: reason.into() }
    }

    fn fault(&self, field: Field, value: Value<'_>, reason: impl Into<String>) -> ChannelError {
        ChannelError { message: self.name, field: field.1, offset: value.offset(), reason: reason.into() }
    }

    /// Whether every field can be separated, so that it may be a message at all.
    pub(super) fn is_whole(&self) -> bool {
        match self.value {
            Value::Wire(WireValue::Bytes(bytes), at) => WireFields::new(bytes, at).all(|field| field.is_ok()),
            Value::Wire(..) => false,
            Value::Json(json) => json.is_object(),
        }
    }

    /// Whether it has a field.
    pub(super) fn has(&self, field: Field) -> bool {
        self.all(field).is_ok_and(|found| !found.is_empty())
    }

    fn all(&self, field: Field) -> Result<Vec<Value<'a>>, ChannelError> {
        match self.value {
            Value::Wire(WireValue::Bytes(bytes), at) => {
                let mut found = Vec::new();
                for one in WireFields::new(bytes, at) {
                    let one =
                        one.map_err(|(offset, reason)| ChannelError { offset: Some(offset), ..self.error(reason) })?;
                    if one.number == field.0 {
                        let value = Value::Wire(one.value, one.at);
                        if found.len() == MOST {
                            return Err(self.fault(field, value, format!("the field occurs more than {MOST} times")));
                        }
                        found.push(value);
                    }
                }
                Ok(found)
            }
            Value::Json(Json::Object(members)) => Ok(match members.get(field.1) {
                None | Some(Json::Null) => Vec::new(),
                Some(Json::Array(items)) => items.iter().map(Value::Json).collect(),
                Some(other) => vec![Value::Json(other)],
            }),
            Value::Wire(..) | Value::Json(_) => Err(self.error("it is not a message")),
        }
    }

    /// The value of a field that is not repeated. Fabric writes such a field once; which of several counts is not guessed.
    fn one(&self, field: Field) -> Result<Option<Value<'a>>, ChannelError> {
        match *self.all(field)? {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            [_, again, ..] => Err(self.fault(field, again, "the field occurs twice")),
        }
    }

    /// The message in a field.
    pub(super) fn message(&self, field: Field, name: &'static str) -> Result<Option<Self>, ChannelError> {
        Ok(self.one(field)?.map(|value| Self { name, value }))
    }

    /// The message in a field, which must not be missing.
    pub(super) fn required(&self, field: Field, name: &'static str) -> Result<Self, ChannelError> {
        self.message(field, name)?.ok_or_else(|| ChannelError { field: field.1, ..self.error("the field is missing") })
    }

    /// The messages in a repeated field.
    pub(super) fn messages(&self, field: Field, name: &'static str) -> Result<Vec<Self>, ChannelError> {
        Ok(self.all(field)?.into_iter().map(|value| Self { name, value }).collect())
    }

    /// The entries of a map of messages.
    pub(super) fn map(&self, field: Field, name: &'static str) -> Result<Vec<(String, Self)>, ChannelError> {
        if let Value::Json(json) = self.value {
            let entries = match json.get(field.1) {
                None | Some(Json::Null) => return Ok(Vec::new()),
                Some(Json::Object(entries)) => entries,
                Some(other) => return Err(self.fault(field, Value::Json(other), "it is not an object")),
            };
            return Ok(entries.iter().map(|(key, json)| (key.clone(), Self::json(name, json))).collect());
        }
        let entry = |entry: Self| {
            let value = entry.one(Field(2, "value"))?.unwrap_or(Value::Wire(WireValue::Bytes(&[]), 0));
            Ok((entry.text(Field(1, "key"))?, Self { name, value }))
        };
        self.messages(field, self.name)?.into_iter().map(entry).collect()
    }

    /// A text; empty if the field is absent.
    pub(super) fn text(&self, field: Field) -> Result<String, ChannelError> {
        self.one(field)?.map_or_else(|| Ok(String::new()), |value| self.as_text(field, value))
    }

    /// The texts in a repeated field.
    pub(super) fn texts(&self, field: Field) -> Result<Vec<String>, ChannelError> {
        self.all(field)?.into_iter().map(|value| self.as_text(field, value)).collect()
    }

    fn as_text(&self, field: Field, value: Value<'a>) -> Result<String, ChannelError> {
        let text = match value {
            Value::Wire(WireValue::Bytes(bytes), _) => std::str::from_utf8(bytes).ok(),
            Value::Json(json) => json.as_str(),
            Value::Wire(..) => None,
        };
        text.map(str::to_owned).ok_or_else(|| self.fault(field, value, "it is not text"))
    }

    /// A number; 0 if the field is absent.
    pub(super) fn number(&self, field: Field) -> Result<u64, ChannelError> {
        let Some(value) = self.one(field)? else { return Ok(0) };
        let number = match value {
            Value::Wire(WireValue::Number(number), _) => Some(number),
            Value::Json(Json::String(digits)) => digits.parse().ok(),
            Value::Json(Json::Bool(is)) => Some(u64::from(*is)),
            Value::Json(json) => json.as_u64(),
            Value::Wire(..) => None,
        };
        number.ok_or_else(|| self.fault(field, value, "it is not a number"))
    }

    /// Bytes; empty if the field is absent.
    pub(super) fn bytes(&self, field: Field) -> Result<Cow<'a, [u8]>, ChannelError> {
        self.one(field)?.map_or(Ok(Cow::Borrowed(&[])), |value| self.as_bytes(field, value))
    }

    /// The values of a repeated field of bytes.
    pub(super) fn all_bytes(&self, field: Field) -> Result<Vec<Cow<'a, [u8]>>, ChannelError> {
        self.all(field)?.into_iter().map(|value| self.as_bytes(field, value)).collect()
    }

    fn as_bytes(&self, field: Field, value: Value<'a>) -> Result<Cow<'a, [u8]>, ChannelError> {
        let bytes = match value {
            Value::Wire(WireValue::Bytes(bytes), _) => Some(Cow::Borrowed(bytes)),
            Value::Json(json) => json.as_str().and_then(|text| STANDARD.decode(text).ok()).map(Cow::Owned),
            Value::Wire(..) => None,
        };
        bytes.ok_or_else(|| self.fault(field, value, "it is not base64"))
    }
}
