import ControlAPI
import Testing

@testable import vipctl

@Suite struct StatusPageTests {
  @Test func show() {
    for s in [NodeStatus.fine, .failedOver, .interfaceMissing, .nothingHeard] {
      print(StatusPage(s, width: 80, style: TextStyle(isColored: true)).text)
      print(StatusPage(s, width: 80, style: TextStyle(isColored: false)).text)
      print(ProbeResult(s).line)
      print("=====")
    }
    print(StatusPage(.failedOver, width: 40, style: TextStyle(isColored: false)).text)
  }
}
