#if PostgreSQL
  extension [String] {
    /// As an array that ends with a null pointer, as libpq takes names and values.
    func withCStrings<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result {
      let bytes = map { Array<UInt8>($0.utf8) + [0] as [UInt8]? }
      return bytes.withPointers(isNullAtEnd: true) { pointers, _ in body(pointers) }
    }
  }

  extension [[UInt8]?] {
    /// Pointers to each array's bytes, and their counts; `nil` is a null pointer.
    func withPointers<Result>(
      isNullAtEnd: Bool = false,
      _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>) -> Result
    ) -> Result {
      let all = compactMap(\.self).joined() + [0]
      return all.withUnsafeBytes { buffer in
        let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        var offset = 0
        var pointers: [UnsafePointer<CChar>?] = map { bytes in
          guard let bytes else { return nil }
          defer { offset += bytes.count }
          return start.map { $0 + offset }
        }
        if isNullAtEnd || isEmpty { pointers.append(nil) }
        let lengths = map { Int32($0?.count ?? 0) } + [0]
        return body(pointers, lengths)
      }
    }
  }

  extension String {
    /// PostgreSQL numbers the places of values: `$1`, `$2` and so on, where the stores write `?`.
    var withNumberedPlaces: String {
      var (result, number) = ("", 0)
      for character in self {
        if character == "?" {
          number += 1
          result += "$\(number)"
        } else {
          result.append(character)
        }
      }
      return result
    }
  }
#endif
