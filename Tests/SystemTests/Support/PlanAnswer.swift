// What `vipctl plan --json` answers, as far as tests look at it.

struct PlanAnswer: Decodable {
  var virtual_routers: [Router]

  struct Router: Decodable {
    var holder: String
    var rows: [Row]
  }

  struct Row: Decodable {
    var fault: String
    var node: String
    var before: String?
    var after: [String]
  }
}
