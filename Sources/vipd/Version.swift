/// The version of this build.
let versionNumber = "0.1.0"
