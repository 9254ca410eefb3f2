// What tests in browsers say of what they find: an error with the message, unless the condition is true.
export function expect(condition, message) {
  if (!condition) throw new Error(message);
}
