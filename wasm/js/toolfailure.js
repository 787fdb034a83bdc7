// The failure that the model receives in place of a result.

/** A failure of this kind, with a message for the model. */
export const failure = (error, message) => ({ error, message });

/** The length of a text in UTF-8. */
export const bytesOf = (text) => new TextEncoder().encode(text).length;
