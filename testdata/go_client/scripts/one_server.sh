# Nodes whose CA and TLS CA are two names of one server, with the names that cryptogen gives to keys and CAs.
set -e
cd "$DIR"
mkdir -p home
export HOME="$PWD/home"
PORT=${CA#*:}

# A folder: its key gets the name that cryptogen gives.
rename_key() {
  find "$1" -type f -name '*_sk' | sed -e 'p;s/\(.*\)\/\(.*\)$/\1\/priv_sk/' | xargs -n2 mv -v >/dev/null || :
}

fabric-ca-client enroll -u "https://admin:adminpw@$CA" --caname ca-org1 --mspdir "$PWD/org1/ca/msp" --tls.certfiles "$CERT"
rename_key org1/ca
mv org1/ca/msp/cacerts/localhost-$PORT-ca-org1.pem org1/ca/msp/cacerts/ca.org1.example.com-cert.pem

# An organisation's OUs.
node_ous() {
  echo "NodeOUs:"
  echo "  Enable: true"
  for role in client:Client peer:Peer admin:Admin orderer:Orderer; do
    echo "  ${role#*:}OUIdentifier: {Certificate: cacerts/ca.org1.example.com-cert.pem, OrganizationalUnitIdentifier: ${role%:*}}"
  done
}

# Id, type, folder.
identity() {
  attrs=
  if [ "$2" = admin ]; then attrs="hf.Registrar.Roles=client,hf.Registrar.Attributes=*,hf.Revoker=true,hf.GenCRL=true,admin=true:ecert,abac.init=true:ecert"; fi
  fabric-ca-client register -u "https://localhost:$PORT" --id.name "$1$S" --id.secret "$1pw" --id.type "$2" --id.attrs "$attrs" --caname ca-org1 --tls.certfiles "$CERT" --mspdir "$PWD/org1/ca/msp" || [ "$AGAIN" ]
  fabric-ca-client enroll -u "https://$1$S:$1pw@localhost:$PORT" --caname ca-org1 --mspdir "$PWD/$3/msp" --tls.certfiles "$CERT"
  rename_key "$3"
  mv "$3/msp/cacerts/localhost-$PORT-ca-org1.pem" "$3/msp/cacerts/ca.org1.example.com-cert.pem"
  node_ous > "$3/msp/config.yaml"
  [ "$2" = peer ] || return 0
  fabric-ca-client register -u "https://localhost:$PORT" --id.name "$1$S" --id.secret "$1pw" --id.type "$2" --caname ca-org2 --tls.certfiles "$CERT" --mspdir "$PWD/org1/tlsca/msp" || [ "$AGAIN" ]
  fabric-ca-client enroll -u "https://$1$S:$1pw@localhost:$PORT" --caname ca-org2 --mspdir "$PWD/$3/tls" --tls.certfiles "$CERT" --csr.hosts 'localhost,127.0.0.1'
  rename_key "$3"
  cp "$3/tls/cacerts/localhost-$PORT-ca-org2.pem" "$3/tls/ca.crt"
  cp "$3/tls/keystore/priv_sk" "$3/tls/server.key"
  cp "$3/tls/signcerts/cert.pem" "$3/tls/server.crt"
  mv "$3/tls/cacerts/localhost-$PORT-ca-org2.pem" "$3/tls/cacerts/tlsca.org1.example.com-cert.pem"
}
fabric-ca-client enroll -u "https://admin:adminpw@$CA" --caname ca-org2 --mspdir "$PWD/org1/tlsca/msp" --tls.certfiles "$CERT"
identity org1admin2 admin org1/users/Admin@org1.example.com
identity org1peer0 peer org1/peers/peer0.org1.example.com
