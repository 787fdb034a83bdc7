//! Tokens of the loaded model.

use crate::api::{CountTokens, DecodeRequest, Decoded, EncodeRequest, Encoded, TokenCount};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::decode::Json;
use crate::protocol::estimate::Estimator;

/// The tokens of the loaded model: `client.tokens()`.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// Text to tokens of the loaded model and back.
    ///
    /// `cargo run --example tokens` shows it at work, against an emulated server.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens { client: self }
    }
}

impl Tokens<'_> {
    /// The tokens of a text, or of a conversation as the chat template writes it.
    ///
    /// A conversation takes a template (else the code is `no_template`), and a server whose configuration names its APIs
    /// (else it is `oai_disabled`).
    pub fn encode(&self, request: &EncodeRequest) -> Calling<Json<Encoded>> {
        self.client.call(request)
    }

    /// The text of tokens.
    pub fn decode(&self, request: &DecodeRequest) -> Calling<Json<Decoded>> {
        self.client.call(request)
    }

    /// How many tokens a text or a conversation has. The server encodes it all the same, but the tokens are not kept.
    pub fn count(&self, request: &EncodeRequest) -> Calling<Json<TokenCount>> {
        self.client.call(&CountTokens(request))
    }

    /// The estimator, calibrated to the loaded model by the counts of these texts, which are asked for one after another:
    /// see [`Estimator::calibrate`] for what to take.
    ///
    /// ```no_run
    /// # async fn run(client: tabbyapi::Client, pages: [&str; 5]) -> tabbyapi::Result<()> {
    /// use tabbyapi::estimate::Estimator;
    ///
    /// let estimator = client.tokens().calibrate(&Estimator::new(), pages).await?;
    /// println!("{} tokens at most", estimator.text("How many tokens is this?").high);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn calibrate<S: AsRef<str>>(
        &self,
        estimator: &Estimator,
        samples: impl IntoIterator<Item = S>,
    ) -> crate::base::Result<Estimator> {
        let texts: Vec<String> = samples.into_iter().map(|text| text.as_ref().to_owned()).collect();
        let mut counts = Vec::with_capacity(texts.len());
        for text in &texts {
            let count = self.count(&EncodeRequest::new(text.as_str()).add_bos_token(false)).await?;
            counts.push(count.length);
        }
        Ok(estimator.calibrate(texts.iter().zip(counts)))
    }
}
