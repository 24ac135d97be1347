// What all our pictures share: plain colours in two sets, for a light background and a dark one, since not everything that
// draws SVG knows variables.

public enum PictureStyle {
  /// The `style` element: `paper`, `ink`, `quiet`, `bad`, `rule`, `mark`, `badge`, `harm`, `halo`, and `n0` to `n5` for nodes.
  public static let sheet = """
    <style>
      svg { color-scheme: light dark }
      .paper { fill: #ffffff } .ink { fill: #1d2430 } .quiet { fill: #667085 } .bad { fill: #d92d20 }
      .rule { stroke: #e3e7ee } .mark { stroke: #98a2b3; stroke-dasharray: 3 3 }
      .badge { fill: #ffffff; stroke: #1d2430 } .harm { fill: none; stroke: #d92d20; stroke-dasharray: 4 3 }
      .halo { stroke: #ffffff; stroke-width: 3; paint-order: stroke }
      .n0 { fill: #2e6fdb } .n1 { fill: #12805c } .n2 { fill: #a15c07 } .n3 { fill: #7a3fc4 } .n4 { fill: #0e7490 }
      .n5 { fill: #be3a80 }
      @media (prefers-color-scheme: dark) {
        .paper { fill: #11161f } .ink { fill: #e8ecf3 } .quiet { fill: #98a2b3 } .bad { fill: #ff6b5e }
        .rule { stroke: #2a3342 } .mark { stroke: #667085 }
        .badge { fill: #11161f; stroke: #e8ecf3 } .harm { stroke: #ff6b5e } .halo { stroke: #11161f }
        .n0 { fill: #6ea8ff } .n1 { fill: #4cc796 } .n2 { fill: #e3a04a } .n3 { fill: #b794f6 } .n4 { fill: #4fc3dc }
        .n5 { fill: #f28cc0 }
      }
    </style>
    """

  /// A coordinate: at most two decimals.
  public static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let fraction = abs(hundredths % 100)
    if fraction == 0 { return "\(hundredths / 100)" }
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }

  /// A text as it may stand in an element or an attribute.
  public static func escaped(_ text: some StringProtocol) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}
