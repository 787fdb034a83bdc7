// The usage of several responses.

/** Adds usage: counts and times, including nested ones. Rates are kept from the first. */
export function added(usage, more = {}) {
  if (!usage) return { ...more };
  const sum = { ...usage };
  for (const [name, value] of Object.entries(more)) {
    if (name === "__proto__" || name.endsWith("_per_sec")) continue;
    if (typeof value === "number") sum[name] = (typeof sum[name] === "number" ? sum[name] : 0) + value;
    else if (typeof value === "object" && value !== null) sum[name] = added(sum[name], value);
  }
  return sum;
}
