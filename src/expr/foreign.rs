//! What CEL and its extensions have beyond headcount's language, by name, and what stands for it here.

/// What to do instead of a function of CEL.
pub(super) fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "timestamp" | "getDate" | "getDayOfMonth" | "getFullYear" | "getMonth" => {
            "dates are ISO text: date(...) reads them, addDays, addMonths and daysBetween reckon with them, and they compare by < and >="
        }
        "duration" | "getDayOfWeek" | "getDayOfYear" | "getHours" | "getMinutes" | "getSeconds" | "getMilliseconds" => {
            "there are whole days alone: addDays(date, 14), addMonths(date, 6), daysBetween(from, to)"
        }
        "double" | "uint" => "whole numbers are made by int(text); one with a fraction stays text",
        "bytes" => "a text is text; there are no bytes",
        "type" | "dyn" => "values have no types to ask for; int(...), string(...) and bool(...) convert",
        "format" | "quote" => "put texts together with +",
        "optional" | "hasValue" | "orValue" | "or" | "value" | "optMap" | "optFlatMap" | "unwrapOpt" => {
            "a missing value is null: write default(value, otherwise)"
        }
        "transformList" | "transformMap" | "transformMapEntry" => "write list.map(x, …) with one name",
        "sortBy" => "write sort(list)",
        "slice" => "write list.filter(x, …), first(list) or last(list)",
        "abs" | "ceil" | "floor" | "round" | "sign" | "trunc" | "sqrt" | "greatest" | "least" => "write a comparison: a > b ? a : b",
        "find" | "findAll" | "extract" | "extractAll" => "write matches(text, \"pattern\"), split, replace or substring",
        _ => return None,
    })
}

/// Whether functions of CEL's extensions stand behind this name (`math.greatest`).
pub(super) fn is_namespace(name: &str) -> bool {
    matches!(name, "math" | "sets" | "strings" | "lists" | "optional" | "cel" | "base64" | "regex" | "proto" | "net" | "google")
}
