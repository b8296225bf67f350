// Why this file exists: `make sim`: worlds from seeds, as many as one likes, and for one that fails
// the smallest script that still does.

import Glibc
import Primitives
import Simulation

exit(SimulationCommand(Array(CommandLine.arguments.dropFirst())).run())
