//! Restarts of the members of a gateway, on a real API server. The certificates are of the dev CA, the nodes are TLS servers that
//! read their certificate at their start.

mod evicted;
mod gateway;
mod node;
mod refused;
mod rolled;
mod signalled;
mod stored;
