# Organisations as scripts generate them that keep the homes of their identities apart and copy from there, as Bevel's do.
set -e
cd "$DIR"
mkdir -p home
export HOME="$PWD/home"
NAMESPACE=carrier-net
SUBJECT='O=Carrier,OU=Carrier,L=51.50/-0.13/London,C=GB'
CRYPTO="$PWD/crypto-config/peerOrganizations/$NAMESPACE"
CAS="$HOME/ca-tools/cas/ca-carrier" ORG_HOME="$HOME/ca-tools/carrier"
ADMIN="Admin@$NAMESPACE"

fabric-ca-client enroll -d -u "https://admin:adminpw@$CA" --tls.certfiles "$CERT" --home "$CAS" --csr.names $SUBJECT
fabric-ca-client getcacert -d -u "https://$CA" --tls.certfiles "$CERT" -M "$CRYPTO/msp"
mkdir "$CRYPTO/msp/tlscacerts" || [ "$AGAIN" ]
cp "$CRYPTO/msp/cacerts/"* "$CRYPTO/msp/tlscacerts"

fabric-ca-client affiliation add "carrier$S" -u "https://admin:adminpw@$CA" --tls.certfiles "$CERT" --home "$CAS" || [ "$AGAIN" ]
fabric-ca-client register -d --id.name "$ADMIN$S" --id.secret "$ADMIN-pw" --id.type admin --csr.names "$SUBJECT" --id.affiliation "carrier$S" --id.attrs "hf.Registrar.Roles=client,hf.Registrar.Attributes=*,hf.Revoker=true,hf.AffiliationMgr=true,hf.GenCRL=true,admin=true:ecert,abac.init=true:ecert" --tls.certfiles "$CERT" --home "$CAS" || [ "$AGAIN" ]
fabric-ca-client enroll -d -u "https://$ADMIN$S:$ADMIN-pw@$CA" --csr.names "$SUBJECT" --id.affiliation "carrier$S" --tls.certfiles "$CERT" --home "$ORG_HOME/admin"
mkdir -p "$CRYPTO/msp/admincerts"
cp "$ORG_HOME/admin/msp/signcerts/"* "$CRYPTO/msp/admincerts/$ADMIN-cert.pem"
mkdir "$ORG_HOME/admin/msp/admincerts" || [ "$AGAIN" ]
cp "$ORG_HOME/admin/msp/signcerts/"* "$ORG_HOME/admin/msp/admincerts/$ADMIN-cert.pem"
mkdir -p "$CRYPTO/users/$ADMIN"
cp -R "$ORG_HOME/admin/msp" "$CRYPTO/users/$ADMIN"
fabric-ca-client enroll -d --enrollment.profile tls -u "https://$ADMIN$S:$ADMIN-pw@$CA" -M "$ORG_HOME/admin/tls" --tls.certfiles "$CERT" --csr.names "$SUBJECT"
mkdir -p "$CRYPTO/users/$ADMIN/tls"
cp "$ORG_HOME/admin/tls/keystore/"* "$CRYPTO/users/$ADMIN/tls/client.key"
cp "$ORG_HOME/admin/tls/signcerts/"* "$CRYPTO/users/$ADMIN/tls/client.crt"
cp "$ORG_HOME/admin/tls/tlscacerts/"* "$CRYPTO/users/$ADMIN/tls/ca.crt"

# The folder of the TLS certificates is one for all peers: it is removed after each.
for n in 0 1; do
  PEER="peer$n.$NAMESPACE"
  fabric-ca-client register -d --id.name "$PEER$S" --id.secret "$PEER-pw" --id.type peer --tls.certfiles "$CERT" --home "$CAS" || [ "$AGAIN" ]
  fabric-ca-client enroll -d --enrollment.profile tls -u "https://$PEER$S:$PEER-pw@$CA" -M "$ORG_HOME/cas/peers/tls" --csr.hosts "$PEER,peer$n.carrier.net,$PEER.svc.cluster.local" --tls.certfiles "$CERT"
  mkdir -p "$CRYPTO/peers/$PEER/tls"
  cp "$ORG_HOME/cas/peers/tls/keystore/"* "$CRYPTO/peers/$PEER/tls/server.key"
  cp "$ORG_HOME/cas/peers/tls/signcerts/"* "$CRYPTO/peers/$PEER/tls/server.crt"
  cp "$ORG_HOME/cas/peers/tls/tlscacerts/"* "$CRYPTO/peers/$PEER/tls/ca.crt"
  rm -rf "$ORG_HOME/cas/peers/tls"
  fabric-ca-client enroll -d -u "https://$PEER$S:$PEER-pw@$CA" -M "$CRYPTO/peers/$PEER/msp" --tls.certfiles "$CERT"
  mkdir "$CRYPTO/peers/$PEER/msp/tlscacerts" || [ "$AGAIN" ]
  cp "$CRYPTO/peers/$PEER/msp/cacerts/"* "$CRYPTO/peers/$PEER/msp/tlscacerts"
  mkdir -p "$CRYPTO/peers/$PEER/msp/admincerts"
  cp "$CRYPTO/msp/admincerts/$ADMIN-cert.pem" "$CRYPTO/peers/$PEER/msp/admincerts"
done

# A user, whose attributes change.
USER="user1@$NAMESPACE"
fabric-ca-client register -d --id.name "$USER$S" --id.secret "$USER-pw" --id.type client --csr.names "$SUBJECT" --id.affiliation "carrier$S" --id.attrs "hf.Revoker=true,key1=value1:ecert,key2=value2:ecert" --tls.certfiles "$CERT" --home "$CAS" || [ "$AGAIN" ]
fabric-ca-client enroll -d -u "https://$USER$S:$USER-pw@$CA" --csr.names "$SUBJECT" --tls.certfiles "$CERT" --home "$ORG_HOME/client1"
mkdir -p "$ORG_HOME/client1/msp/admincerts"
cp "$ORG_HOME/client1/msp/signcerts/"* "$ORG_HOME/client1/msp/admincerts/$USER-cert.pem"
date -d "$(openssl x509 -noout -enddate < "$ORG_HOME/client1/msp/signcerts/cert.pem" | sed 's/notAfter=//g')" +'%Y%m%d%H%M%S' >/dev/null
attrs=$(openssl x509 -text -noout -certopt no_subject,no_header,no_version,no_serial,no_signame,no_validity,no_issuer,no_pubkey,no_sigdump,no_aux < "$ORG_HOME/client1/msp/signcerts/cert.pem")
echo "${attrs##*: }" | grep -c '"attrs"'
fabric-ca-client identity modify "$USER$S" -d --type user --affiliation "carrier$S" --attrs "hf.Revoker=true,key1=value1:ecert,key3=value3:ecert,key2=value2" --tls.certfiles "$CERT" --home "$CAS" >/dev/null
fabric-ca-client enroll -d -u "https://$USER$S:$USER-pw@$CA" --csr.names "$SUBJECT" --tls.certfiles "$CERT" --home "$ORG_HOME/client1"
cp "$ORG_HOME/client1/msp/signcerts/"* "$ORG_HOME/client1/msp/admincerts/$USER-cert.pem"
mkdir -p "$CRYPTO/users/$USER"
cp -R "$ORG_HOME/client1/msp" "$CRYPTO/users/$USER"
fabric-ca-client register -d --id.name "chaincode-1$S" --id.secret pw --id.type client --tls.certfiles "$CERT" --home "$CAS" -u "https://$CA" || [ "$AGAIN" ]
fabric-ca-client enroll -d --enrollment.profile tls -u "https://chaincode-1$S:pw@$CA" -M "$ORG_HOME/chaincodes/v1/tls" --tls.certfiles "$CERT" --csr.hosts "chaincode.example.com"
mkdir -p "$CRYPTO/chaincodes/tls"
cp "$ORG_HOME/chaincodes/v1/tls/keystore/"* "$CRYPTO/chaincodes/tls/client.key"
