//! The limits of sampler parameters.

use std::fmt::Display;

use super::{Effect, Faults, Findings};
use crate::api::sampling::SamplingParams;

/// The server's default for both ends of dynamic temperature.
const TEMP_END: f64 = 1.0;

impl SamplingParams {
    /// Checks for everything that the server would reject or fail on. Sampler overrides on the server are not taken into account:
    /// the server's own defaults are assumed.
    ///
    /// # Errors
    ///
    /// Errors with the [`Faults`] that were found.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut findings = Findings::default();
        findings.sampling(self);
        findings.result()
    }
}

impl Findings {
    pub(super) fn sampling(&mut self, s: &SamplingParams) {
        for field in s.not_finite() {
            self.add(Effect::Refused, field, "is not a finite number");
        }
        self.within("temperature", s.temperature, 0.0, 10.0);
        self.within("top_p", s.top_p, 0.0, 1.0);
        self.within("xtc_probability", s.xtc_probability, 0.0, 1.0);
        self.within("xtc_threshold", s.xtc_threshold, 0.0, 1.0);
        self.at_least("smoothing_factor", s.smoothing_factor, 0.0);
        self.at_least("frequency_penalty", s.frequency_penalty, 0.0);
        self.at_least("presence_penalty", s.presence_penalty, 0.0);
        self.at_least("max_temp", s.max_temp, 0.0);
        self.at_least("min_temp", s.min_temp, 0.0);
        self.at_least("temp_exponent", s.temp_exponent, 0.0);
        self.at_least("top_k", s.top_k, -1);
        let refused = Effect::Refused;
        if let Some(typical) = s.typical.filter(|typical| *typical <= 0.0 || *typical > 1.0) {
            self.add(refused, "typical", format!("is {typical}, but must be above 0, up to 1"));
        }
        if let Some(penalty) = s.repetition_penalty.filter(|penalty| *penalty <= 0.0) {
            self.add(refused, "repetition_penalty", format!("is {penalty}, but must be above 0"));
        }
        if let Some(min_p) = s.min_p.filter(|min_p| *min_p < 0.0 || *min_p > 1.0) {
            self.add(Effect::Fails, "min_p", format!("is {min_p}, but must be from 0 to 1"));
        }
        // Zero means unset to the server in both comparisons.
        if let (Some(min), Some(max)) = (s.min_tokens, s.max_tokens.filter(|max| *max != 0))
            && min > max
        {
            self.add(Effect::Fails, "min_tokens", format!("is {min}, more than `max_tokens`, which is {max}"));
        }
        let (min, max) = (s.min_temp.unwrap_or(TEMP_END), s.max_temp.unwrap_or(TEMP_END));
        if min > max && max != 0.0 {
            let (field, message) = match (s.min_temp, s.max_temp) {
                (Some(_), None) => ("min_temp", format!("is {min}, more than `max_temp`, which is {max} by default")),
                (None, _) => ("max_temp", format!("is {max}, less than `min_temp`, which is {min} by default")),
                _ => ("min_temp", format!("is {min}, more than `max_temp`, which is {max}")),
            };
            self.add(Effect::Fails, field, message);
        }
    }

    fn within(&mut self, field: &str, value: Option<f64>, least: f64, most: f64) {
        if let Some(value) = value.filter(|value| *value < least || *value > most) {
            self.add(Effect::Refused, field, format!("is {value}, but must be from {least} to {most}"));
        }
    }

    fn at_least<T: PartialOrd + Display>(&mut self, field: &str, value: Option<T>, least: T) {
        if let Some(value) = value.filter(|value| *value < least) {
            self.add(Effect::Refused, field, format!("is {value}, but must be at least {least}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_faults(sampling: SamplingParams, expected: &[(Effect, &str)]) {
        let faults = sampling.validate().map_or_else(Faults::into_vec, |()| Vec::new());
        let faults: Vec<_> = faults.iter().map(|fault| (fault.effect, fault.to_string())).collect();
        let expected: Vec<_> = expected.iter().map(|(effect, text)| (*effect, (*text).to_owned())).collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn both_ends_of_every_limit_are_fine() {
        assert_faults(SamplingParams::new(), &[]);
        let low = SamplingParams::new()
            .temperature(0.0)
            .top_p(0.0)
            .xtc_probability(0.0)
            .xtc_threshold(0.0)
            .smoothing_factor(0.0)
            .frequency_penalty(0.0)
            .presence_penalty(0.0)
            .max_temp(0.0)
            .min_temp(0.0)
            .temp_exponent(0.0)
            .top_k(-1)
            .typical(0.001)
            .repetition_penalty(0.001)
            .min_p(0.0)
            .min_tokens(9)
            .max_tokens(0);
        assert_faults(low, &[]);
        let high =
            SamplingParams::new().temperature(10.0).top_p(1.0).xtc_probability(1.0).xtc_threshold(1.0).typical(1.0);
        assert_faults(high.min_p(1.0).min_tokens(9).max_tokens(9).min_temp(2.0).max_temp(2.0), &[]);
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        use Effect::{Fails, Refused};
        let sampling = SamplingParams::new()
            .temperature(10.5)
            .top_p(1.5)
            .xtc_probability(-0.5)
            .xtc_threshold(2.0)
            .smoothing_factor(-1.0)
            .frequency_penalty(-0.5)
            .presence_penalty(-0.5)
            .max_temp(-2.0)
            .min_temp(-1.0)
            .temp_exponent(-1.0)
            .top_k(-2)
            .typical(0.0)
            .repetition_penalty(0.0)
            .min_p(1.5)
            .min_tokens(9)
            .max_tokens(8)
            .tfs(f64::NAN);
        assert_faults(
            sampling,
            &[
                (Refused, "`tfs` is not a finite number"),
                (Refused, "`temperature` is 10.5, but must be from 0 to 10"),
                (Refused, "`top_p` is 1.5, but must be from 0 to 1"),
                (Refused, "`xtc_probability` is -0.5, but must be from 0 to 1"),
                (Refused, "`xtc_threshold` is 2, but must be from 0 to 1"),
                (Refused, "`smoothing_factor` is -1, but must be at least 0"),
                (Refused, "`frequency_penalty` is -0.5, but must be at least 0"),
                (Refused, "`presence_penalty` is -0.5, but must be at least 0"),
                (Refused, "`max_temp` is -2, but must be at least 0"),
                (Refused, "`min_temp` is -1, but must be at least 0"),
                (Refused, "`temp_exponent` is -1, but must be at least 0"),
                (Refused, "`top_k` is -2, but must be at least -1"),
                (Refused, "`typical` is 0, but must be above 0, up to 1"),
                (Refused, "`repetition_penalty` is 0, but must be above 0"),
                (Fails, "`min_p` is 1.5, but must be from 0 to 1"),
                (Fails, "`min_tokens` is 9, more than `max_tokens`, which is 8"),
                (Fails, "`min_temp` is -1, more than `max_temp`, which is -2"),
            ],
        );
    }

    #[test]
    fn an_end_of_dynamic_temperature_alone_is_held_against_the_default() {
        let fails = |text| [(Effect::Fails, text)];
        assert_faults(
            SamplingParams::new().min_temp(1.5),
            &fails("`min_temp` is 1.5, more than `max_temp`, which is 1 by default"),
        );
        assert_faults(
            SamplingParams::new().max_temp(0.5),
            &fails("`max_temp` is 0.5, less than `min_temp`, which is 1 by default"),
        );
        assert_faults(SamplingParams::new().max_temp(0.0), &[]);
        assert_faults(SamplingParams::new().max_temp(2.0), &[]);
    }

    #[test]
    fn what_is_not_finite_is_reported_once() {
        assert_faults(SamplingParams::new().top_p(f64::NAN), &[(Effect::Refused, "`top_p` is not a finite number")]);
    }
}
