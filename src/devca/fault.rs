//! Faults that the dev CA produces on request, each one observed with a real CA, proxy or network.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use super::Endpoint;
use super::log::lock;

/// A fault. Unless noted, the request is processed, counted and recorded as usual.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `drop-sans`: the certificate has no SANs.
    DropSans,
    /// `drop-one-san`: the last SAN is missing.
    DropOneSan,
    /// `extra-san`: a DNS name that was not requested is added.
    ExtraSan,
    /// `other-key`: the certificate is for another key.
    OtherKey,
    /// `other-cn`: the certificate is for another enrolment id.
    OtherCn,
    /// `wrong-chain`: `CAChain` contains a CA with the same name that did not issue the certificate.
    WrongChain,
    /// `empty-chain`: `CAChain` is empty.
    EmptyChain,
    /// `non-ca-in-chain`: the issued certificate itself is also in `CAChain`.
    NonCaInChain,
    /// `reversed-chain`: `CAChain` starts with the root. A valid answer (`CA_CHAIN_PARENT_FIRST`) that clients must
    /// accept.
    ReversedChain,
    /// `expired`: the certificate expired a day ago.
    Expired,
    /// `not-yet-valid`: the certificate becomes valid in a day.
    NotYetValid,
    /// `wrong-profile`: usages of profile `tls` for the default profile, and vice versa.
    WrongProfile,
    /// `no-ou`: the subject has no OU.
    NoOu,
    /// `two-ous`: the subject has a second role, so that Fabric's `NodeOUs` cannot decide.
    TwoOus,
    /// `key-in-answer`: a private key and other text follow the certificate.
    KeyInAnswer,
    /// `wrong-content`: `Cert` contains base64 of text that is not a certificate.
    WrongContent,
    /// `slow[=MS]`: the body arrives one byte per this number of milliseconds (10).
    Slow(u64),
    /// `delay[=MS]`: the whole answer is delayed by this number of milliseconds (1000).
    Delay(u64),
    /// `silent`: the request is read, but neither processed nor answered.
    Silent,
    /// `500-then-good`: 500 code 3, once unless a number of times is given; not processed.
    ServerErrorThenGood,
    /// `503-then-good`: a proxy's 503 in HTML, once unless a number of times is given; not processed.
    UnavailableThenGood,
    /// `cut-body`: the connection closes in the middle of the body.
    CutBody,
    /// `no-json`: a success with a body that is not JSON; not processed.
    NoJson,
    /// `html-404`: a proxy's 404 in HTML; not processed.
    Html404,
    /// `huge-body[=MIB]`: a success with a body of this number of MiB (64); not processed.
    HugeBody(u64),
    /// `redirect-302=URL` and `redirect-307=URL`: redirects the client; not processed.
    Redirect {
        /// 302 or 307.
        status: u16,
        /// The target URL.
        to: String,
    },
    /// `clock-skew=SECONDS`: the `Date` header is off by this number of seconds, nothing else. Applies to every
    /// endpoint.
    ClockSkew(i64),
    /// `lost-answer`: processed and counted, then the connection closes without an answer.
    LostAnswer,
    /// `database-locked`: 500 code 0 about a locked database; the certificate is signed, but not recorded or counted.
    DatabaseLocked,
}

/// Names of the faults as [`Fault::from_str`] parses them, with their arguments.
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

/// An invalid fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// An unknown name.
    #[error("unknown fault \"{0}\"; dev-ca --help lists the faults")]
    Unknown(String),
    /// The argument is missing, unexpected, or not a number.
    #[error("invalid argument {argument:?} of the fault {name}")]
    Argument {
        /// The fault.
        name: String,
        /// The text after `=`; may be empty.
        argument: String,
    },
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Parses `name` or `name=argument`.
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

/// A fault with its endpoint and its number of occurrences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct FaultRule {
    fault: Fault,
    on: Option<Endpoint>,
    left: Option<u32>,
}

impl FaultRule {
    /// Applies `fault` to `enroll` and `reenroll`, every time (`*-then-good`: once; `clock-skew`: to every endpoint).
    pub const fn new(fault: Fault) -> Self {
        let left = match fault {
            Fault::ServerErrorThenGood | Fault::UnavailableThenGood => Some(1),
            _ => None,
        };
        Self { fault, on: None, left }
    }

    /// Applies the fault to `endpoint` only.
    pub const fn on(mut self, endpoint: Endpoint) -> Self {
        self.on = Some(endpoint);
        self
    }

    /// Applies the fault to the next `times` requests only.
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

/// The active faults.
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

    /// Returns the faults for this request to `endpoint`, and counts each as used.
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
    fn every_listed_name_round_trips() {
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
    fn a_counted_fault_applies_only_that_often() {
        let switches = Switches::new(vec![FaultRule::new(Fault::DropSans).times(2)]);
        assert!(switches.take(Endpoint::CaInfo).is_empty());
        assert_eq!(switches.take(Endpoint::Enroll), [Fault::DropSans]);
        assert_eq!(switches.take(Endpoint::Reenroll), [Fault::DropSans]);
        assert!(switches.take(Endpoint::Enroll).is_empty());
    }

    #[test]
    fn then_good_faults_apply_once() {
        let switches = Switches::new(vec![Fault::ServerErrorThenGood.into()]);
        assert_eq!(switches.take(Endpoint::Enroll).len(), 1);
        assert!(switches.take(Endpoint::Enroll).is_empty());
    }
}
