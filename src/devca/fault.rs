//! Faults that the dev CA shows on request, each one a thing that a real CA, a proxy or a network has done to a client.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use super::Endpoint;
use super::log::lock;

/// One way to misbehave. Unless said otherwise the request is carried out, counted and recorded as always.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `drop-sans`: the certificate has no SANs.
    DropSans,
    /// `drop-one-san`: the last SAN is missing.
    DropOneSan,
    /// `extra-san`: a DNS name that nobody asked for is added.
    ExtraSan,
    /// `other-key`: the certificate is for another key.
    OtherKey,
    /// `other-cn`: the certificate is for another enrolment id.
    OtherCn,
    /// `wrong-chain`: `CAChain` holds a CA of the same name that did not issue the certificate.
    WrongChain,
    /// `empty-chain`: `CAChain` is empty.
    EmptyChain,
    /// `non-ca-in-chain`: the issued certificate itself is also in `CAChain`.
    NonCaInChain,
    /// `reversed-chain`: `CAChain` starts with the root. A legal answer (`CA_CHAIN_PARENT_FIRST`): take it.
    ReversedChain,
    /// `expired`: the certificate ended a day ago.
    Expired,
    /// `not-yet-valid`: the certificate begins in a day.
    NotYetValid,
    /// `wrong-profile`: usages of profile `tls` when the default was asked for, and the other way round.
    WrongProfile,
    /// `no-ou`: the subject has no OU.
    NoOu,
    /// `two-ous`: the subject names a second role, so that Fabric's `NodeOUs` cannot decide.
    TwoOus,
    /// `key-in-answer`: a private key and junk follow the certificate.
    KeyInAnswer,
    /// `wrong-content`: `Cert` holds base64 of something that is no certificate.
    WrongContent,
    /// `slow[=MS]`: the body comes one byte every so many milliseconds (10).
    Slow(u64),
    /// `delay[=MS]`: the whole answer comes so many milliseconds late (1000).
    Delay(u64),
    /// `silent`: the request is read and never answered, nor carried out.
    Silent,
    /// `500-then-good`: 500 code 3, once unless a number of times is given; not carried out.
    ServerErrorThenGood,
    /// `503-then-good`: a proxy's 503 in HTML, once unless a number of times is given; not carried out.
    UnavailableThenGood,
    /// `cut-body`: the connection ends in the middle of the body.
    CutBody,
    /// `no-json`: a success with a body that is no JSON; not carried out.
    NoJson,
    /// `html-404`: a proxy's 404 in HTML; not carried out.
    Html404,
    /// `huge-body[=MIB]`: a success whose body is so many MiB long (64); not carried out.
    HugeBody(u64),
    /// `redirect-302=URL` and `redirect-307=URL`: sends the client elsewhere; not carried out.
    Redirect {
        /// 302 or 307.
        status: u16,
        /// Where to.
        to: String,
    },
    /// `clock-skew=SECONDS`: the `Date` header is off by so many seconds; nothing else. Strikes every endpoint.
    ClockSkew(i64),
    /// `lost-answer`: carried out and counted, then the connection ends without an answer.
    LostAnswer,
    /// `database-locked`: 500 code 0 about the locked database; the certificate is signed, not recorded, not counted.
    DatabaseLocked,
}

/// Names of the faults as [`Fault::from_str`] reads them, with their argument.
pub const FAULT_NAMES: [&str; 30] = [
    "drop-sans",
    "drop-one-san",
    "extra-san",
    "other-key",
    "other-cn",
    "wrong-chain",
    "empty-chain",
    "non-ca-in-chain",
    "reversed-chain",
    "expired",
    "not-yet-valid",
    "wrong-profile",
    "no-ou",
    "two-ous",
    "key-in-answer",
    "wrong-content",
    "slow[=MS]",
    "delay[=MS]",
    "silent",
    "500-then-good",
    "503-then-good",
    "cut-body",
    "no-json",
    "html-404",
    "huge-body[=MIB]",
    "redirect-302=URL",
    "redirect-307=URL",
    "clock-skew=SECONDS",
    "lost-answer",
    "database-locked",
];

/// A fault that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault of this name.
    #[error("there is no fault named {0}")]
    Unknown(String),
    /// The argument is missing, not wanted, or no number.
    #[error("the fault {name} cannot take the argument {argument:?}")]
    Argument {
        /// The fault.
        name: String,
        /// What stands behind `=`; empty when nothing does.
        argument: String,
    },
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `name` or `name=argument`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, argument) = text.split_once('=').map_or((text, None), |(n, a)| (n, Some(a)));
        let refused = || FaultError::Argument { name: name.to_owned(), argument: argument.unwrap_or("").to_owned() };
        let number = |default: u64| argument.map_or(Ok(default), |a| a.parse().map_err(|_| refused()));
        let url = |status| {
            let to = argument.filter(|a| !a.is_empty()).ok_or_else(refused)?.to_owned();
            Ok(Self::Redirect { status, to })
        };
        let fault = match name {
            "slow" => return number(10).map(Self::Slow),
            "delay" => return number(1000).map(Self::Delay),
            "huge-body" => return number(64).map(Self::HugeBody),
            "redirect-302" => return url(302),
            "redirect-307" => return url(307),
            "clock-skew" => {
                return argument.and_then(|a| a.parse().ok()).map(Self::ClockSkew).ok_or_else(refused);
            }
            "drop-sans" => Self::DropSans,
            "drop-one-san" => Self::DropOneSan,
            "extra-san" => Self::ExtraSan,
            "other-key" => Self::OtherKey,
            "other-cn" => Self::OtherCn,
            "wrong-chain" => Self::WrongChain,
            "empty-chain" => Self::EmptyChain,
            "non-ca-in-chain" => Self::NonCaInChain,
            "reversed-chain" => Self::ReversedChain,
            "expired" => Self::Expired,
            "not-yet-valid" => Self::NotYetValid,
            "wrong-profile" => Self::WrongProfile,
            "no-ou" => Self::NoOu,
            "two-ous" => Self::TwoOus,
            "key-in-answer" => Self::KeyInAnswer,
            "wrong-content" => Self::WrongContent,
            "silent" => Self::Silent,
            "500-then-good" => Self::ServerErrorThenGood,
            "503-then-good" => Self::UnavailableThenGood,
            "cut-body" => Self::CutBody,
            "no-json" => Self::NoJson,
            "html-404" => Self::Html404,
            "lost-answer" => Self::LostAnswer,
            "database-locked" => Self::DatabaseLocked,
            _ => return Err(FaultError::Unknown(name.to_owned())),
        };
        if argument.is_some() { Err(refused()) } else { Ok(fault) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Slow(ms) => return write!(f, "slow={ms}"),
            Self::Delay(ms) => return write!(f, "delay={ms}"),
            Self::HugeBody(mib) => return write!(f, "huge-body={mib}"),
            Self::Redirect { status, to } => return write!(f, "redirect-{status}={to}"),
            Self::ClockSkew(seconds) => return write!(f, "clock-skew={seconds}"),
            Self::DropSans => "drop-sans",
            Self::DropOneSan => "drop-one-san",
            Self::ExtraSan => "extra-san",
            Self::OtherKey => "other-key",
            Self::OtherCn => "other-cn",
            Self::WrongChain => "wrong-chain",
            Self::EmptyChain => "empty-chain",
            Self::NonCaInChain => "non-ca-in-chain",
            Self::ReversedChain => "reversed-chain",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongProfile => "wrong-profile",
            Self::NoOu => "no-ou",
            Self::TwoOus => "two-ous",
            Self::KeyInAnswer => "key-in-answer",
            Self::WrongContent => "wrong-content",
            Self::Silent => "silent",
            Self::ServerErrorThenGood => "500-then-good",
            Self::UnavailableThenGood => "503-then-good",
            Self::CutBody => "cut-body",
            Self::NoJson => "no-json",
            Self::Html404 => "html-404",
            Self::LostAnswer => "lost-answer",
            Self::DatabaseLocked => "database-locked",
        };
        f.write_str(name)
    }
}

/// A fault, where it strikes, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct FaultRule {
    fault: Fault,
    on: Option<Endpoint>,
    left: Option<u32>,
}

impl FaultRule {
    /// `fault` at `enroll` and `reenroll`, every time (`*-then-good`: once; `clock-skew`: at every endpoint).
    pub const fn new(fault: Fault) -> Self {
        let left = match fault {
            Fault::ServerErrorThenGood | Fault::UnavailableThenGood => Some(1),
            _ => None,
        };
        Self { fault, on: None, left }
    }

    /// The same at `endpoint` instead.
    pub const fn on(mut self, endpoint: Endpoint) -> Self {
        self.on = Some(endpoint);
        self
    }

    /// The same, for the next `times` requests only.
    pub const fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    fn strikes(&self, endpoint: Endpoint) -> bool {
        match self.on {
            Some(on) => on == endpoint,
            None => {
                matches!(self.fault, Fault::ClockSkew(_)) || matches!(endpoint, Endpoint::Enroll | Endpoint::Reenroll)
            }
        }
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub(super) struct Switches(Mutex<Vec<FaultRule>>);

impl Switches {
    pub(super) fn new(rules: Vec<FaultRule>) -> Self {
        Self(Mutex::new(rules))
    }

    pub(super) fn add(&self, rule: FaultRule) {
        lock(&self.0).push(rule);
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The faults that strike this request at `endpoint`; each is used up by one.
    pub(super) fn take(&self, endpoint: Endpoint) -> Vec<Fault> {
        let mut rules = lock(&self.0);
        let mut struck = Vec::new();
        for rule in rules.iter_mut().filter(|r| r.strikes(endpoint)) {
            match &mut rule.left {
                Some(0) => continue,
                Some(n) => *n -= 1,
                None => {}
            }
            struck.push(rule.fault.clone());
        }
        rules.retain(|r| r.left != Some(0));
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_read_and_printed_back() {
        for listed in FAULT_NAMES {
            let name = listed.split(['[', '=']).next().unwrap();
            let argument = match listed.split_once('=').map(|(_, a)| a.trim_end_matches(']')) {
                None => String::new(),
                Some("URL") => "=https://elsewhere.example/".to_owned(),
                Some(_) => "=7".to_owned(),
            };
            let text = format!("{name}{argument}");
            assert_eq!(text.parse::<Fault>().map(|f| f.to_string()), Ok(text));
        }
    }

    #[test]
    fn a_wrong_name_or_argument_is_refused() {
        assert_eq!("drop-san".parse::<Fault>(), Err(FaultError::Unknown("drop-san".to_owned())));
        for text in ["silent=1", "slow=x", "redirect-302", "redirect-307=", "clock-skew"] {
            assert!(matches!(text.parse::<Fault>(), Err(FaultError::Argument { .. })), "{text}");
        }
    }

    #[test]
    fn a_counted_fault_strikes_so_often_and_no_more() {
        let switches = Switches::new(vec![FaultRule::new(Fault::DropSans).times(2)]);
        assert!(switches.take(Endpoint::CaInfo).is_empty());
        assert_eq!(switches.take(Endpoint::Enroll), [Fault::DropSans]);
        assert_eq!(switches.take(Endpoint::Reenroll), [Fault::DropSans]);
        assert!(switches.take(Endpoint::Enroll).is_empty());
    }

    #[test]
    fn then_good_faults_strike_once() {
        let switches = Switches::new(vec![Fault::ServerErrorThenGood.into()]);
        assert_eq!(switches.take(Endpoint::Enroll).len(), 1);
        assert!(switches.take(Endpoint::Enroll).is_empty());
    }
}
