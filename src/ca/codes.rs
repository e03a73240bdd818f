//! The error codes of a Fabric CA, with cause, class and next step (fabric-ca v1.5.21 `lib/caerrors/servererror.go`).
//!
//! A failure has two codes: a local one in the server's log and one in the answer. In answers the server replaces every
//! authentication failure by 20 and every authorisation failure by 71, so most codes appear only in its log.

use super::status::Class;

/// One error code of a Fabric CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorCode {
    /// The number.
    pub code: u8,
    /// The cause of the error.
    pub cause: &'static str,
    /// The class of the error. A code that the server never sends has the class of the code that it sends instead.
    pub class: Class,
    /// The next step for the user.
    pub next_step: &'static str,
}

/// The entry of `code`; `None` for numbers that fabric-ca does not define.
pub fn error_code(code: i64) -> Option<&'static ErrorCode> {
    ERROR_CODES.get(usize::try_from(code).ok()?)
}

const LOG: &str = "the CA's log says which part of the request it rejected";
const CREDENTIAL: &str = "the CA sends this code for a wrong id or secret, for an identity that is not registered yet or is revoked, for used-up \
                          enrolments, and while it cannot read its database or LDAP; its log says which (each wrong secret counts towards the \
                          lock, so do not try it in a loop)";
const TOKEN: &str = "the current certificate is not accepted: check that it is from this CA (--ca-name), neither expired nor revoked, and \
                     belongs to the key; a proxy that rewrites the path breaks it too; otherwise enrol again with the secret";
const RIGHTS: &str = "have a registrar grant the identity the right (hf.* attributes, affiliation, type), or request less; the CA's \
                      log says what was refused";
const RETRY: &str = "the CA has a temporary problem: try again later, or check its log and database";
const BODY: &str = "report it: fabcert sent a request that the CA cannot read (a proxy may have changed it)";
const SERVER: &str = "the CA's configuration is wrong: its operator must correct it";
const OTHER_CALL: &str = "check the arguments of the call";

const fn entry(code: u8, class: Class, next_step: &'static str, cause: &'static str) -> ErrorCode {
    ErrorCode { code, cause, class, next_step }
}

/// Every code that fabric-ca defines, by number.
pub static ERROR_CODES: [ErrorCode; 83] = {
    use Class::{Credential, Locked, Permanent, Transient, TransientOnce};
    [
        entry(
            0,
            Permanent,
            "the CA's log says which part of the request it rejected; with --profile or --attrs, check that the CA has that \
             profile (signing.profiles in its configuration) and the identity those attributes",
            "a failure without a specific code: unknown profile, missing attribute, CSR refused, or the database",
        ),
        entry(1, Permanent, BODY, "the HTTP method is not allowed on this path"),
        entry(
            2,
            Credential,
            "a proxy may have dropped the Authorization header",
            "the request carried no Authorization header",
        ),
        entry(3, Transient, RETRY, "the CA could not read the request body"),
        entry(4, Permanent, BODY, "the request body is empty"),
        entry(5, Permanent, BODY, "the request body is not the JSON that the CA expects"),
        entry(6, Credential, TOKEN, "the request token is invalid"),
        entry(7, Credential, RIGHTS, "the caller is not a revoker"),
        entry(8, Permanent, OTHER_CALL, "the certificate to revoke was not found"),
        entry(9, Permanent, OTHER_CALL, "the certificate does not belong to the given identity"),
        entry(10, Permanent, OTHER_CALL, "the identity to revoke was not found"),
        entry(11, Permanent, RETRY, "the owner of the revoked certificate was not found"),
        entry(12, Transient, RETRY, "the revocation failed in the CA's database"),
        entry(13, Transient, RETRY, "the identity could not be marked as revoked"),
        entry(14, Transient, RETRY, "the revocation by enrolment id failed"),
        entry(15, Permanent, OTHER_CALL, "neither an id nor a serial and AKI was given"),
        entry(
            16,
            Permanent,
            "have the affiliation added at the CA, or give another one",
            "the affiliation was not found",
        ),
        entry(17, Credential, RIGHTS, "the revoker's affiliation does not cover the identity"),
        entry(18, Transient, RETRY, "the CA could not send its answer"),
        entry(
            19,
            Permanent,
            "check --ca-name: names are case-sensitive; leave it out for the server's default CA",
            "the server has no CA with that name",
        ),
        entry(20, Credential, CREDENTIAL, "authentication failed; the CA does not give the reason"),
        entry(21, Credential, CREDENTIAL, "the Authorization header is not Basic with an id and a secret"),
        entry(22, Credential, SERVER, "enrolment is disabled at this CA"),
        entry(23, Credential, CREDENTIAL, "the identity is not known, or the CA's database could not be read"),
        entry(
            24,
            Credential,
            CREDENTIAL,
            "the secret is wrong, the identity is revoked, or its enrolments are used up",
        ),
        entry(25, Credential, TOKEN, "the token is malformed or its signature is wrong"),
        entry(26, Credential, TOKEN, "the token's certificate is not from this CA, is expired, or is not yet valid"),
        entry(27, Credential, "enrol again with the secret", "the token's certificate has expired"),
        entry(
            28,
            Credential,
            "enrol again with the secret, if the identity itself is not revoked",
            "the token's certificate is revoked",
        ),
        entry(29, TransientOnce, RETRY, "the CA could not check whether the certificate is revoked"),
        entry(30, Credential, TOKEN, "the token's certificate is not in the CA's database"),
        entry(31, Permanent, BODY, "the CSR is not PEM, or its basicConstraints are invalid"),
        entry(32, Permanent, LOG, "no prekey"),
        entry(33, Credential, CREDENTIAL, "the caller is not authenticated"),
        entry(34, Permanent, SERVER, "the server's configuration is invalid"),
        entry(35, Credential, RIGHTS, "the caller may not generate a CRL"),
        entry(36, Permanent, OTHER_CALL, "revokedafter is later than revokedbefore"),
        entry(37, Permanent, OTHER_CALL, "expireafter is later than expirebefore"),
        entry(38, Transient, RETRY, "the revoked certificates could not be read from the CA's database"),
        entry(39, Transient, RETRY, "the CA could not get its own certificate for the CRL"),
        entry(40, Transient, RETRY, "the CA could not get its own key for the CRL"),
        entry(41, Transient, RETRY, "the CRL could not be generated"),
        entry(42, Credential, RIGHTS, "the caller has no registrar role, or may not register this attribute"),
        entry(43, Credential, RIGHTS, "the caller is not a registrar"),
        entry(44, Credential, RIGHTS, "the caller's affiliation or roles do not cover the identity"),
        entry(45, Credential, RIGHTS, "the identity's type could not be checked"),
        entry(46, Permanent, SERVER, "the CA's certificate may not sign CRLs"),
        entry(47, Permanent, SERVER, "the database's schema is newer than the server"),
        entry(48, Permanent, SERVER, "the configuration file's version is newer than the server"),
        entry(49, Transient, RETRY, "the identities could not be read from the CA's database"),
        entry(50, Permanent, LOG, "the request could not be routed inside the server"),
        entry(51, Transient, RETRY, "a request to the CA's database failed"),
        entry(52, Permanent, OTHER_CALL, "the id of the identity to add is missing"),
        entry(53, Credential, RIGHTS, "the caller may not change the configuration"),
        entry(54, Credential, RIGHTS, "the registrar may not act on this type"),
        entry(55, Credential, RIGHTS, "the registrar may not act on this affiliation"),
        entry(
            56,
            Permanent,
            "start the server with cfg.identities.allowremove; removing the caller itself also needs force",
            "this CA does not allow removing identities",
        ),
        entry(57, Permanent, OTHER_CALL, "a query parameter is not a boolean"),
        entry(58, Permanent, OTHER_CALL, "the identity could not be changed: unknown affiliation or no id"),
        entry(59, Credential, RIGHTS, "the caller's role attribute is false"),
        entry(60, Permanent, OTHER_CALL, "the affiliation already exists, or could not be added"),
        entry(61, Permanent, OTHER_CALL, "a query parameter is not a boolean, or affiliations cannot be removed"),
        entry(62, Transient, RETRY, "the affiliation could not be removed from the CA's database"),
        entry(63, Permanent, OTHER_CALL, "there is no such identity, affiliation or certificate"),
        entry(64, Permanent, OTHER_CALL, "the affiliation has identities; only force removes it"),
        entry(65, Transient, RETRY, "the identity could not be removed from the CA's database"),
        entry(66, Permanent, "no action needed", "the certificate is already revoked"),
        entry(67, Permanent, OTHER_CALL, "the query for certificates is invalid"),
        entry(68, Permanent, SERVER, "an integer in the server's environment is wrong"),
        entry(69, Permanent, SERVER, "the CA's certificate file is missing"),
        entry(70, Credential, RIGHTS, "the Idemix caller is revoked"),
        entry(71, Credential, RIGHTS, "the identity is not allowed to do this; the CA does not give the reason"),
        entry(72, Permanent, "register identities in the LDAP directory", "this CA takes its identities from LDAP"),
        entry(
            73,
            Locked,
            "no secret unlocks it: a registrar must set a new one (PUT identities/<id> with \"secret\"; \
             fabcert ca identity unlock ID)",
            "the identity is locked after too many wrong secrets",
        ),
        entry(
            74,
            Permanent,
            "no action needed if the secret is known; otherwise a registrar must set a new one",
            "the identity is already registered",
        ),
        entry(75, Permanent, LOG, "the identity could not be registered"),
        entry(76, Credential, RIGHTS, "the registration is refused: unknown affiliation, type or attribute"),
        entry(
            77,
            Permanent,
            "the CSR's CN must equal the enrolment id, including letter case",
            "the CSR is for another identity than the caller",
        ),
        entry(78, Credential, RIGHTS, "the caller lacks an attribute that the profile needs"),
        entry(79, Permanent, RIGHTS, "an attribute's value is not a boolean"),
        entry(
            80,
            Permanent,
            "shorten it: CN, serialNumber, O, OU 64 bytes, L and ST 128, C 2",
            "a subject field of the CSR is too long",
        ),
        entry(81, Permanent, LOG, "the attribute extension could not be created"),
        entry(82, Permanent, OTHER_CALL, "the number of enrolments is out of range"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_at_its_index() {
        for (index, entry) in ERROR_CODES.iter().enumerate() {
            assert_eq!(usize::from(entry.code), index);
            assert!(!entry.cause.ends_with('.') && !entry.next_step.ends_with('.'), "{index}");
        }
        assert_eq!(error_code(73).map(|e| e.class), Some(Class::Locked));
        assert_eq!(error_code(83), None);
        assert_eq!(error_code(-1), None);
    }

    #[test]
    fn classes_match_the_protocol() {
        let of = |class| ERROR_CODES.iter().filter(|e| e.class == class).map(|e| e.code).collect::<Vec<_>>();
        assert_eq!(of(Class::Transient), [3, 12, 13, 14, 18, 38, 39, 40, 41, 49, 51, 62, 65]);
        assert_eq!(of(Class::TransientOnce), [29]);
        assert_eq!(of(Class::Locked), [73]);
    }
}
