// As much of JSON Schema as `../scenarios/schema.json` uses. A keyword that is not known here is an error.

const CHECKS = {
  type: (schema, value) => [schema.type].flat().some((type) => isType(value, type)) || `is not ${schema.type}`,
  const: (schema, value) => equal(value, schema.const) || `is not ${JSON.stringify(schema.const)}`,
  enum: (schema, value) => schema.enum.some((one) => equal(value, one)) || `is none of ${JSON.stringify(schema.enum)}`,
  pattern: (schema, value) =>
    typeof value !== "string" || new RegExp(schema.pattern, "u").test(value) || "has the wrong form",
  minLength: (schema, value) => typeof value !== "string" || value.length >= schema.minLength || "is too short",
  minimum: (schema, value) => typeof value !== "number" || value >= schema.minimum || "is too small",
  maximum: (schema, value) => typeof value !== "number" || value <= schema.maximum || "is too large",
  minItems: (schema, value) => !Array.isArray(value) || value.length >= schema.minItems || "has too few items",
  maxItems: (schema, value) => !Array.isArray(value) || value.length <= schema.maxItems || "has too many items",
  uniqueItems: (_, value) =>
    !Array.isArray(value) ||
    new Set(value.map((one) => JSON.stringify(one))).size === value.length ||
    "repeats an item",
  minProperties: (schema, value) =>
    !isObject(value) || Object.keys(value).length >= schema.minProperties || "has too few fields",
  maxProperties: (schema, value) =>
    !isObject(value) || Object.keys(value).length <= schema.maxProperties || "has too many fields",
  required: (schema, value) =>
    !isObject(value) ||
    schema.required.every((name) => Object.hasOwn(value, name)) ||
    `lacks one of ${schema.required}`,
  properties: (schema, value, root) =>
    !isObject(value) ||
    firstOf(Object.keys(schema.properties), (name) =>
      Object.hasOwn(value, name) ? within(name, validate(schema.properties[name], value[name], root)) : true,
    ),
  additionalProperties: (schema, value, root) =>
    !isObject(value) ||
    firstOf(Object.keys(value), (name) => {
      if (Object.hasOwn(schema.properties ?? {}, name)) return true;
      if (schema.additionalProperties === false) return `has an unknown field: ${name}`;
      return within(name, validate(schema.additionalProperties, value[name], root));
    }),
  prefixItems: (schema, value, root) =>
    !Array.isArray(value) ||
    firstOf(schema.prefixItems.keys(), (index) =>
      index < value.length ? within(index, validate(schema.prefixItems[index], value[index], root)) : true,
    ),
  items: (schema, value, root) =>
    !Array.isArray(value) ||
    firstOf(value.keys(), (index) =>
      index < (schema.prefixItems?.length ?? 0) ? true : within(index, validate(schema.items, value[index], root)),
    ),
  allOf: (schema, value, root) => firstOf(schema.allOf, (one) => validate(one, value, root)),
  anyOf: (schema, value, root) => {
    const answers = schema.anyOf.map((one) => validate(one, value, root));
    return answers.includes(true) || `fits nothing: ${answers.join("; ")}`;
  },
  oneOf: (schema, value, root) => {
    const answers = schema.oneOf.map((one) => validate(one, value, root));
    const fitting = answers.filter((answer) => answer === true).length;
    return fitting === 1 || `fits ${fitting} of what it must fit one of: ${answers.join("; ")}`;
  },
  not: (schema, value, root) => validate(schema.not, value, root) !== true || "fits what it must not",
  $ref: (schema, value, root) =>
    validate(
      schema.$ref
        .slice(2)
        .split("/")
        .reduce((at, name) => at[name], root),
      value,
      root,
    ),
};

const SILENT = new Set(["$schema", "$defs", "$id", "title", "description", "$comment"]);

/** Answers true where the value fits the schema, else what is wrong. */
export function validate(schema, value, root = schema) {
  return firstOf(Object.keys(schema), (keyword) => {
    if (SILENT.has(keyword)) return true;
    if (!Object.hasOwn(CHECKS, keyword)) throw new Error(`the schema uses an unknown keyword: ${keyword}`);
    return CHECKS[keyword](schema, value, root);
  });
}

/** True, or the first answer that is not. */
function firstOf(items, check) {
  for (const item of items) {
    const answer = check(item);
    if (answer !== true) return answer;
  }
  return true;
}

function within(name, answer) {
  return answer === true || `${name}: ${answer}`;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isType(value, type) {
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  return typeof value === type;
}

function equal(left, right) {
  return JSON.stringify(left) === JSON.stringify(right);
}
