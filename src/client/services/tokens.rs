//! Estimates that are calibrated to the loaded model.

use super::Tokens;
use crate::api::EncodeRequest;
use crate::protocol::estimate::Estimator;

impl Tokens<'_> {
    /// Returns the estimator, calibrated to the loaded model by the counts of these texts, which are requested one after another.
    /// See [`Estimator::calibrate`] for suitable texts.
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
    ///
    /// # Errors
    ///
    /// Errors with the error of the call: see [`ErrorKind`](crate::ErrorKind) for its kinds.
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
