//! Throttling that lasts is said: the SDK repeats calls that were turned away and tells nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_ec2::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};

use super::errors::THROTTLED;
use crate::event::Events;

/// So many refusals in a row are worth a word; the next one comes when there are twice as many.
const WORTH_A_WORD: u32 = 3;

/// Sees every attempt of every call of a region.
#[derive(Debug)]
pub struct Throttle {
    region: String,
    events: Events,
    /// Refusals in a row, by what was called.
    rows: Mutex<BTreeMap<String, u32>>,
}

impl Throttle {
    /// Tells these.
    pub fn new(region: &str, events: &Events) -> Throttle {
        Throttle {
            region: region.to_owned(),
            events: events.clone(),
            rows: Mutex::default(),
        }
    }

    /// Counts an attempt; what is to be said of it.
    fn count(&self, action: &str, refused: Option<&str>) -> Option<String> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(code) = refused else {
            rows.remove(action);
            return None;
        };
        let row = rows.entry(action.to_owned()).or_default();
        *row += 1;
        let worth = row.is_multiple_of(WORTH_A_WORD) && (*row / WORTH_A_WORD).is_power_of_two();
        worth.then(|| {
            format!(
                "AWS turns {action} in {} away, {row} times in a row: the account calls too often ({code}). It is tried again.",
                self.region
            )
        })
    }
}

impl Intercept for Throttle {
    fn name(&self) -> &'static str {
        "Throttle"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let called = cfg.load::<Metadata>().map(|called| match called.name() {
            "call" => called.service().to_owned(),
            name => name.to_owned(),
        });
        if let (Some(called), Some(response)) = (called, context.response())
            && let Some(said) = self.count(&called, refusal(response))
        {
            self.events.message(said);
        }
        Ok(())
    }
}

/// The code of an answer that turns a call away because there are too many: in XML, or in a header or member of JSON.
fn refusal(response: &HttpResponse) -> Option<&'static str> {
    if response.status().is_success() {
        return None;
    }
    let header = response.headers().get("x-amzn-errortype").unwrap_or_default();
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    let said = |code: &str| {
        header.split(':').next() == Some(code)
            || body.contains(&format!("<Code>{code}</Code>"))
            || body.contains(&format!("\"{code}\""))
            || body.contains(&format!("#{code}\""))
    };
    THROTTLED.iter().copied().find(|code| said(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_told_ever_more_rarely_and_ends_with_an_answer() {
        let throttle = Throttle::new("eu-west-1", &Events::nowhere());
        let told = |refused: Option<&str>| throttle.count("CreateVolume", refused).is_some();
        let refused: Vec<u32> = (1..=24).filter(|_| told(Some("RequestLimitExceeded"))).collect();
        assert_eq!(refused, [3, 6, 12, 24]);
        assert!(!told(None) && !told(Some("SlowDown")) && !told(Some("SlowDown")));
        assert!(
            throttle
                .count("CreateVolume", Some("SlowDown"))
                .is_some_and(|text| text.contains("CreateVolume"))
        );
    }

    #[test]
    fn every_way_of_saying_it_is_understood() {
        let response = |status: u16, body: &'static str| {
            let status = status.try_into().expect("a status");
            HttpResponse::new(status, body.as_bytes().to_vec().into())
        };
        let throttled = "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>";
        assert_eq!(refusal(&response(503, throttled)), Some("RequestLimitExceeded"));
        let json = "{\"__type\":\"com.amazonaws.kms#ThrottlingException\"}";
        assert_eq!(refusal(&response(400, json)), Some("ThrottlingException"));
        assert_eq!(refusal(&response(500, "<Code>InternalError</Code>")), None);
        assert_eq!(refusal(&response(200, "\"Throttling\"")), None);
    }
}
