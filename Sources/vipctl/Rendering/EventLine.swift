// One event on one line. Pure.

import ControlAPI

struct EventLine {
  private let event: ControlEvent

  init(_ event: ControlEvent) { self.event = event }

  func text(_ style: TextStyle) -> String {
    style.dim(printable(event.time)) + "  " + style(tone, printable(event.message))
  }

  private var tone: Tone {
    if event.to == .active { return .good }
    if event.to == .initialize || event.up == false { return .bad }
    return event.up == true ? .good : .plain
  }
}
