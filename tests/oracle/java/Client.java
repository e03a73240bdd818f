import java.nio.file.Path;

import javax.json.Json;
import javax.json.JsonValue;

import org.hyperledger.fabric.gateway.Gateway;
import org.hyperledger.fabric.gateway.Identities;
import org.hyperledger.fabric.gateway.Wallets;
import org.hyperledger.fabric.gateway.X509Identity;

/**
 * An application of the older client library for Java.
 *
 * <p>{@code Client PROFILE WALLET LABEL CHANNEL COUNT}
 *
 * <p>It loads a connection profile and an identity from a file-system wallet with the library, connects COUNT times, and asks a peer
 * for the channel's height each time. It prints one JSON object.
 */
final class Client {
    public static void main(String[] args) throws Exception {
        var wallet = Wallets.newFileSystemWallet(Path.of(args[1]));
        var identity = (X509Identity) wallet.get(args[2]);
        var answered = 0;
        String error = null;
        try {
            for (; answered < Integer.parseInt(args[4]); answered++) {
                var builder = Gateway.createBuilder().networkConfig(Path.of(args[0])).identity(wallet, args[2]).discovery(true);
                try (var gateway = builder.connect()) {
                    var height = gateway.getNetwork(args[3]).getContract("qscc").evaluateTransaction("GetChainInfo", args[3]);
                    if (height.length == 0) {
                        throw new IllegalStateException("an empty answer");
                    }
                }
            }
        } catch (Exception e) {
            var text = new StringBuilder();
            for (Throwable one = e; one != null; one = one.getCause()) {
                text.append(one.getMessage()).append("; ");
            }
            error = text.toString();
        }
        System.out.println(Json.createObjectBuilder()
                .add("msp_id", identity.getMspId())
                .add("certificate", Identities.toPemString(identity.getCertificate()))
                .add("answered", answered)
                .add("error", error == null ? JsonValue.NULL : Json.createValue(error))
                .build());
        System.exit(0);
    }
}
