//! The types that need no source to be known: std's, and Skylark's collections.

use skylark_abi::shape::Shape;

/// A type of the standard library, by its path or by the name that the prelude
/// gives it, or a collection of Skylark's.
pub(super) fn of_std(path: &[&str], arguments: &[Shape]) -> Option<Shape> {
    let (name, before) = path.split_last()?;
    let known = before.first().is_none_or(|root| match *root {
        "std" | "core" | "alloc" => true,
        "skylark" => matches!(*name, "Map" | "List"),
        _ => false,
    });
    if !known {
        return None;
    }
    let boxed = |index: usize| arguments.get(index).cloned().map(Box::new);
    let int = |signed, bits, nonzero| Shape::Int {
        signed,
        bits,
        nonzero,
    };
    let simple = match *name {
        "bool" => Shape::Bool,
        "char" => Shape::Char,
        "String" | "str" | "PathBuf" | "Path" => Shape::Text,
        "f32" => Shape::Float { bits: 32 },
        "f64" => Shape::Float { bits: 64 },
        "PhantomData" => Shape::Unit,
        "Option" => Shape::Option(boxed(0)?),
        // `List` and `Map` are Skylark's own: what is stored are their entries.
        "Vec" | "VecDeque" | "LinkedList" | "List" => Shape::List(boxed(0)?),
        "BTreeSet" | "HashSet" | "BinaryHeap" => Shape::Set(boxed(0)?),
        "BTreeMap" | "HashMap" | "Map" => Shape::Map(boxed(0)?, boxed(1)?),
        // Written as what they hold.
        "Box" | "Rc" | "Arc" | "Cow" | "Cell" | "RefCell" | "Mutex" | "RwLock" | "Reverse"
        | "Wrapping" | "Saturating" => *boxed(0)?,
        number => {
            let (number, nonzero) = match number.strip_prefix("NonZero") {
                Some(number) => (number.to_lowercase(), true),
                None => (number.to_owned(), false),
            };
            let signed = number.starts_with('i');
            // The target's addresses have 32 bits.
            let bits = match number.get(1..)? {
                "8" => 8,
                "16" => 16,
                "32" | "size" => 32,
                "64" => 64,
                "128" => 128,
                _ => return None,
            };
            match number.get(..1)? {
                "i" | "u" => int(signed, bits, nonzero),
                _ => return None,
            }
        }
    };
    Some(simple)
}
