#!/usr/bin/env node
// An application of the Gateway API, with the client library for Node.
//
//   gateway.mjs PROFILE WALLET LABEL CHANNEL COUNT
//
// It takes the address and the TLS roots from a connection profile and the identity from a wallet, connects COUNT times, and asks
// the peer for the channel's height each time. It prints one JSON object.
import * as grpc from '@grpc/grpc-js';
import { connect, signers } from '@hyperledger/fabric-gateway';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const [profilePath, wallet, label, channel, count] = process.argv.slice(2);
const profile = JSON.parse(fs.readFileSync(profilePath));
const [peer] = Object.values(profile.peers);
const { mspId, credentials } = JSON.parse(fs.readFileSync(path.join(wallet, `${label}.id`)));
const signer = signers.newPrivateKeySigner(crypto.createPrivateKey(credentials.privateKey));
const roots = grpc.credentials.createSsl(Buffer.from(peer.tlsCACerts.pem));

let answered = 0;
let error = null;
try {
  while (answered < Number(count)) {
    const client = new grpc.Client(new URL(peer.url).host, roots, { 'grpc.use_local_subchannel_pool': 1 });
    const gateway = connect({ client, identity: { mspId, credentials: Buffer.from(credentials.certificate) }, signer });
    try {
      const contract = gateway.getNetwork(channel).getContract('qscc');
      const height = await contract.evaluateTransaction('GetChainInfo', channel);
      if (height.length === 0) throw new Error('an empty answer');
    } finally {
      gateway.close();
      client.close();
    }
    answered += 1;
  }
} catch (e) {
  error = [e.message, ...(e.details ?? []).map((one) => one.message)].join('; ');
}
console.log(JSON.stringify({ msp_id: mspId, certificate: credentials.certificate, answered, error }));
