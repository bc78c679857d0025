//! What only the routes for the model's published clients need.

use super::{Node, NodeError};
use bytes::Bytes;

impl Node {
    /// Hands another node state that it shall keep under a key of the caller's.
    ///
    /// # Errors
    /// The node is not in the topology, does not answer, or refuses it.
    pub async fn forward_state(
        &self,
        node: &str,
        key: &str,
        value: Bytes,
    ) -> Result<(), NodeError> {
        let url = self.0.placer.url(node).ok_or_else(|| {
            NodeError::Unavailable(format!("node `{node}` is not in the topology (any more)"))
        })?;
        self.0.peers.keep(node, &url, key, value).await
    }
}
