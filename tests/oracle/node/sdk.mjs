#!/usr/bin/env node
// An application of the older client library for Node.
//
//   sdk.mjs PROFILE WALLET LABEL CHANNEL COUNT
//
// It loads an identity from a file-system wallet with the library, connects COUNT times with a connection profile, and asks a peer for
// the channel's height each time. It prints one JSON object.
import { Gateway, Wallets } from 'fabric-network';
import fs from 'node:fs';

const [profilePath, wallet, label, channel, count] = process.argv.slice(2);
const profile = JSON.parse(fs.readFileSync(profilePath));
const identities = await Wallets.newFileSystemWallet(wallet);
const { mspId, credentials } = await identities.get(label);

let answered = 0;
let error = null;
try {
  while (answered < Number(count)) {
    const gateway = new Gateway();
    try {
      await gateway.connect(profile, {
        wallet: identities,
        identity: label,
        discovery: { enabled: true, asLocalhost: false },
        'connection-options': { 'grpc.use_local_subchannel_pool': 1 },
      });
      const contract = (await gateway.getNetwork(channel)).getContract('qscc');
      const height = await contract.evaluateTransaction('GetChainInfo', channel);
      if (height.length === 0) throw new Error('an empty answer');
    } finally {
      gateway.disconnect();
    }
    answered += 1;
  }
} catch (e) {
  error = e.message;
}
console.log(JSON.stringify({ msp_id: mspId, certificate: credentials.certificate, answered, error }));
process.exit(0);
