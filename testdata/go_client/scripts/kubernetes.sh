# The nodes of a network on Kubernetes, as fabric-samples enrols them: the registrar outside, each node in a pod of its CA.
set -e
cd "$DIR"
TEMP_DIR="$PWD/build"
HOST=${CA%:*} PORT=${CA#*:}

for org in org0 org1; do
  mkdir -p "$TEMP_DIR/cas/$org-ca"
  base64 -w0 "$CERT" | base64 -d > "$TEMP_DIR/cas/$org-ca/tlsca-cert.pem"
  fabric-ca-client enroll \
    --url "https://admin:adminpw@$CA" \
    --tls.certfiles "$TEMP_DIR/cas/$org-ca/tlsca-cert.pem" \
    --mspdir "$TEMP_DIR/enrollments/$org/users/rcaadmin/msp"
done

# Type, organisation, node, hosts.
node() {
  id="$2-$3" rc=0
  fabric-ca-client  register \
    --id.name       "$id$S" \
    --id.secret     "$1pw" \
    --id.type       "$1" \
    --url           "https://$CA" \
    --tls.certfiles "$TEMP_DIR/cas/$2-ca/tlsca-cert.pem" \
    --mspdir        "$TEMP_DIR/enrollments/$2/users/rcaadmin/msp" \
    || rc=$?
  [ $rc -eq 0 ] || [ "$AGAIN" ]

  mkdir -p "$PWD/pv/$2/config/tls"
  cp "$CERT" "$PWD/pv/$2/config/tls/ca.crt"
  cat <<EOF | sh
  set -e
  export FABRIC_CA_CLIENT_HOME=$PWD/pv/$2/fabric-ca-client
  export FABRIC_CA_CLIENT_TLS_CERTFILES=$PWD/pv/$2/config/tls/ca.crt
  fabric-ca-client enroll \
    --url https://$id$S:$1pw@$HOST:$PORT \
    --csr.hosts $4 \
    --mspdir $PWD/pv/$2/organizations/$1Organizations/$2.example.com/$1s/$id.$2.example.com/msp
  cd $PWD/pv/$2/organizations/$1Organizations/$2.example.com/$1s/$id.$2.example.com/msp
  # A second run finds the copy of the first.
  [ "$AGAIN" ] || cp cacerts/*.pem cacerts/$2-ca.pem
  ouid() {
    printf '    %sOUIdentifier:\n      Certificate: cacerts/$2-ca.pem\n      OrganizationalUnitIdentifier: %s\n' \$1 \$2
  }
  {
    printf 'NodeOUs:\n    Enable: true\n'
    ouid Client client; ouid Peer peer; ouid Admin admin; ouid Orderer orderer
  } > config.yaml
EOF
}
node orderer org0 orderer1 org0-orderer1
node peer org1 peer1 localhost,org1-peer1,org1-peer-gateway-svc
node peer org1 peer2 localhost,org1-peer2,org1-peer-gateway-svc

# The administrator: a home of its own, and one name for the key.
fabric-ca-client  register \
  --id.name       "org1admin$S" \
  --id.secret     org1adminpw \
  --id.type       admin \
  --url           "https://$CA" \
  --tls.certfiles "$TEMP_DIR/cas/org1-ca/tlsca-cert.pem" \
  --mspdir        "$TEMP_DIR/enrollments/org1/users/rcaadmin/msp" \
  --id.attrs      "hf.Registrar.Roles=client,hf.Registrar.Attributes=*,hf.Revoker=true,hf.GenCRL=true,admin=true:ecert,abac.init=true:ecert" \
  || [ "$AGAIN" ]
ADMIN="$TEMP_DIR/enrollments/org1/users/org1admin"
FABRIC_CA_CLIENT_HOME="$ADMIN" fabric-ca-client enroll \
  --url "https://org1admin$S:org1adminpw@$CA" \
  --tls.certfiles "$TEMP_DIR/cas/org1-ca/tlsca-cert.pem"
echo "NodeOUs: {Enable: true, AdminOUIdentifier: {Certificate: cacerts/$(echo $HOST | tr -s . -)-$PORT.pem, OrganizationalUnitIdentifier: admin}}" > "$ADMIN/msp/config.yaml"
mv "$ADMIN"/msp/keystore/*_sk "$ADMIN/msp/keystore/key.pem"
cat "$ADMIN/msp/cacerts/$(echo $HOST | tr -s . -)-$PORT.pem" > channel-ca.pem
