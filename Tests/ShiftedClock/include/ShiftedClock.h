#pragma once
// Nothing to call: the library takes effect where it is preloaded.
