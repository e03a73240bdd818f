# The organisations of a test network, as fabric-samples enrols them. ORGS: the organisations; AGAIN: identities and folders
# are there already.
set -e
cd "$DIR"

# The first word: the CA's name; the second: the folder of its organisation.
registrar() {
  mkdir -p "organizations/$2"
  export FABRIC_CA_CLIENT_HOME="$PWD/organizations/$2/"
  fabric-ca-client getcainfo -u "https://admin:adminpw@$CA" --caname "$1" --tls.certfiles "$CERT"
  fabric-ca-client enroll -u "https://admin:adminpw@$CA" --caname "$1" --tls.certfiles "$CERT"
  file="cacerts/localhost-${CA#*:}-$1.pem"
  {
    echo "NodeOUs:"
    echo "  Enable: true"
    for role in client:Client peer:Peer admin:Admin orderer:Orderer; do
      echo "  ${role#*:}OUIdentifier:"
      echo "    Certificate: $file"
      echo "    OrganizationalUnitIdentifier: ${role%:*}"
    done
  } > "organizations/$2/msp/config.yaml"
}

# CA, id, type.
register() {
  fabric-ca-client register --caname "$1" --id.name "$2$S" --id.secret "$2pw" --id.type "$3" --tls.certfiles "$CERT" || [ "$AGAIN" ]
}

# CA, id, folder of the node or user, folder of its organisation.
sign() {
  fabric-ca-client enroll -u "https://$2$S:$2pw@$CA" --caname "$1" -M "$PWD/organizations/$3/msp" --tls.certfiles "$CERT"
  cp "$PWD/organizations/$4/msp/config.yaml" "$PWD/organizations/$3/msp/config.yaml"
}

# CA, id, folder of the node, host.
tls() {
  fabric-ca-client enroll -u "https://$2$S:$2pw@$CA" --caname "$1" -M "$PWD/organizations/$3/tls" --enrollment.profile tls --csr.hosts "$4" --csr.hosts localhost --tls.certfiles "$CERT"
  cp "$PWD/organizations/$3/tls/tlscacerts/"* "$PWD/organizations/$3/tls/ca.crt"
  cp "$PWD/organizations/$3/tls/signcerts/"* "$PWD/organizations/$3/tls/server.crt"
  cp "$PWD/organizations/$3/tls/keystore/"* "$PWD/organizations/$3/tls/server.key"
}

# An organisation of peers: CA, name.
peers() {
  org="peerOrganizations/$2.example.com" peer="peerOrganizations/$2.example.com/peers/peer0.$2.example.com"
  registrar "$1" "$org"
  if [ "$2" != org3 ]; then
    mkdir -p "organizations/$org/msp/tlscacerts" "organizations/$org/tlsca" "organizations/$org/ca"
    cp "$CERT" "organizations/$org/msp/tlscacerts/ca.crt"
    cp "$CERT" "organizations/$org/tlsca/tlsca.$2.example.com-cert.pem"
    cp "$CERT" "organizations/$org/ca/ca.$2.example.com-cert.pem"
  fi
  register "$1" peer0 peer
  register "$1" user1 client
  register "$1" "$2admin" admin
  sign "$1" peer0 "$peer" "$org"
  tls "$1" peer0 "$peer" "peer0.$2.example.com"
  if [ "$2" = org3 ]; then
    # An organisation that is added later takes its CAs from the folders of the peer.
    mkdir "organizations/$org/msp/tlscacerts" "organizations/$org/tlsca" "organizations/$org/ca" || [ "$AGAIN" ]
    cp "organizations/$peer/tls/tlscacerts/"* "organizations/$org/msp/tlscacerts/ca.crt"
    cp "organizations/$peer/tls/tlscacerts/"* "organizations/$org/tlsca/tlsca.$2.example.com-cert.pem"
    cp "organizations/$peer/msp/cacerts/"* "organizations/$org/ca/ca.$2.example.com-cert.pem"
  fi
  sign "$1" user1 "$org/users/User1@$2.example.com" "$org"
  sign "$1" "$2admin" "$org/users/Admin@$2.example.com" "$org"
}

orderers() {
  org=ordererOrganizations/example.com
  registrar "$1" $org
  mkdir -p organizations/$org/msp/tlscacerts organizations/$org/tlsca
  cp "$CERT" organizations/$org/msp/tlscacerts/tlsca.example.com-cert.pem
  cp "$CERT" organizations/$org/tlsca/tlsca.example.com-cert.pem
  for id in orderer orderer2; do
    node="$org/orderers/$id.example.com"
    register "$1" $id orderer
    sign "$1" $id "$node" $org
    mv "organizations/$node/msp/signcerts/cert.pem" "organizations/$node/msp/signcerts/$id.example.com-cert.pem"
    tls "$1" $id "$node" $id.example.com
    mkdir -p "organizations/$node/msp/tlscacerts"
    cp "organizations/$node/tls/tlscacerts/"* "organizations/$node/msp/tlscacerts/tlsca.example.com-cert.pem"
  done
  register "$1" ordererAdmin admin
  sign "$1" ordererAdmin $org/users/Admin@example.com $org
}

[ -n "$(fabric-ca-client version | sed -ne 's/ Version: //p')" ]
for org in $ORGS; do
  case $org in
    orderer) orderers ca-orderer ;;
    *) peers "ca-$org" "$org" ;;
  esac
done
# What the tools for connection profiles read.
cat organizations/*/*/tlsca/*.pem organizations/peerOrganizations/*/ca/*.pem > certificates.pem
ls organizations/peerOrganizations/*/users/*/msp/signcerts/*.pem organizations/ordererOrganizations/*/orderers/*/tls/server.crt
[ "$(ls -d organizations/peerOrganizations/*/users/*/msp/keystore/*_sk | wc -l)" -ge 2 ]
