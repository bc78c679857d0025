//! What a placement must meet.

use crate::{
    error::TopologyError,
    units::{Bandwidth, Delay},
};
use serde::{Deserialize, Serialize};

/// What a placement must meet, in the published shape
/// `{"min_bandwidth": 60, "max_latency": 25}` (Mbit/s and milliseconds). What
/// is left out does not bind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// The narrowest link that the bytes may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bandwidth: Option<Bandwidth>,
    /// The longest that the bytes may be on their way, time already spent
    /// included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_latency: Option<Delay>,
    /// The hottest, in °C, that a node may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_temperature: Option<f64>,
}

impl Objectives {
    /// Reads an objectives file.
    ///
    /// # Errors
    /// [`TopologyError::Shape`]: which field, and what is wrong with it.
    pub fn from_json(json: &[u8]) -> Result<Self, TopologyError> {
        crate::read::typed(json)
    }
}
