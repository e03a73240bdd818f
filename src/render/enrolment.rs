//! What gets a peer its certificates: an init container that enrols, or an agent beside the peer that renews too.

use super::peer::{CONTEXT, Peer};
use crate::text::yaml::{double_quoted as quoted, scalar};

/// Where the peer and its agent have the peer's process id.
const PID_FOLDER: &str = "/run/peer";

/// The port of the agent's health.
const HEALTH: u16 = 9444;

impl Peer<'_> {
    /// The container that enrols. A second run finds the identity and sends no request: once for each volume.
    pub(super) fn enrolment(&self) -> String {
        let (name, image) = (if self.org.sidecar { "agent" } else { "enroll" }, quoted(&self.org.fabcert_image));
        let mut args = self.request();
        let mut more = String::new();
        if self.org.sidecar {
            // The certificate has this address; the peer listens on those of IPv4, and localhost has one of IPv6 too.
            args.extend([
                ("--signal", format!("{PID_FOLDER}/pid:TERM")),
                ("--served", "127.0.0.1:7051".to_owned()),
                ("--served-within", "5m".to_owned()),
                ("--listen", format!("0.0.0.0:{HEALTH}")),
            ]);
            more = self.probes();
        } else {
            args.push(("--wait", "5m".to_owned()));
        }
        args.push(("--log-format", "json".to_owned()));
        let restart = if self.org.sidecar { "          restartPolicy: Always\n" } else { "" };
        let words: String =
            args.iter().map(|(flag, value)| "            - ".to_owned() + flag + "\n" + &item(value)).collect();
        format!(
            "        - name: {name}
          image: {image}
{restart}          command: [fabcert]
          args:
{}{words}{more}{CONTEXT}          volumeMounts:
{}{}            - name: enroll-secret
              mountPath: /secret
              readOnly: true
            - name: ca
              mountPath: /ca
              readOnly: true
",
            item(name),
            self.mount("identity", "/identity"),
            self.pid_mount()
        )
    }

    /// The identity, as `enroll` and `agent` take it.
    fn request(&self) -> Vec<(&'static str, String)> {
        let (name, org) = (self.name(), self.org);
        let mut args: Vec<(&str, String)> = vec![
            ("--url", org.ca_url.clone()),
            ("--id", name.clone()),
            ("--secret-file", "/secret/secret".to_owned()),
            ("--tls-ca", "/ca/ca.pem".to_owned()),
            ("--hostname", name.clone()),
            ("--gateway-service", org.gateway.to_string()),
            ("--namespace", org.namespace.to_string()),
            ("--cluster-domain", org.cluster_domain.to_string()),
            ("--san", "localhost,127.0.0.1".to_owned()),
        ];
        args.extend(org.external_host.iter().map(|host| ("--san", host.to_string())));
        if self.is_set() {
            let pod = format!("{name}-0.{name}");
            let (namespace, domain) = (&org.namespace, &org.cluster_domain);
            let forms = [
                String::new(),
                format!(".{namespace}"),
                format!(".{namespace}.svc"),
                format!(".{namespace}.svc.{domain}"),
            ];
            args.extend(forms.iter().map(|form| ("--san", format!("{pod}{form}"))));
        }
        args.extend([
            ("--role", "peer".to_owned()),
            ("--msp-dir", "/identity/msp".to_owned()),
            ("--tls-dir", "/identity/tls".to_owned()),
        ]);
        args
    }

    /// The peer starts when its folders are complete and hold its names; the agent is restarted when its loop hangs.
    fn probes(&self) -> String {
        let (name, gateway) = (self.name(), self.org.gateway.to_string());
        let mut words = vec!["fabcert", "probe", "-q", "--msp-dir", "/identity/msp", "--tls-dir", "/identity/tls"];
        words.extend(["--hostname", &name, "--gateway-service", &gateway]);
        words.extend(self.org.external_host.iter().flat_map(|host| ["--san", host.as_str()]));
        let command: String = words.iter().map(|word| "    ".to_owned() + &item(word)).collect();
        format!(
            "          ports:
            - name: health
              containerPort: {HEALTH}
          startupProbe:
            exec:
              command:
{command}            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 150
          livenessProbe:
            httpGet:
              path: /livez
              port: health
            periodSeconds: 30
            timeoutSeconds: 5
"
        )
    }

    /// The command of the peer. With an agent it leaves its process id, so that the agent can restart it.
    pub(super) fn command(&self) -> String {
        if !self.org.sidecar {
            return "[peer, node, start]".to_owned();
        }
        // Kubernetes makes one dollar sign of two.
        let script = format!("echo $$$$ > {PID_FOLDER}/pid && exec peer node start");
        format!("[sh, -c, {}]", quoted(&script))
    }

    pub(super) fn process_namespace(&self) -> &'static str {
        if !self.org.sidecar {
            return "";
        }
        "      # The agent ends the peer when it has a new certificate, which a peer reads only at its start.\n      \
         shareProcessNamespace: true\n"
    }

    pub(super) fn pid_mount(&self) -> String {
        let mount = format!("            - name: pid\n              mountPath: {PID_FOLDER}\n");
        if self.org.sidecar { mount } else { String::new() }
    }

    pub(super) fn pid_volume(&self) -> &'static str {
        if self.org.sidecar { "        - name: pid\n          emptyDir: {}\n" } else { "" }
    }
}

/// An item of a list of arguments.
fn item(text: &str) -> String {
    format!("            - {}\n", scalar(text))
}
