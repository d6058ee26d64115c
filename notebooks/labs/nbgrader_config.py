"""nbgrader's settings for a class; ``classroom.py`` copies them into the folder of the class.

``nbgrader autograde`` in that folder and ``python tasks.py grade`` both grade by them: with limits
of time and memory, and with a look at whether the checks still check.
"""

import random
import time
from queue import Empty

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_solution
from traitlets import Float, Integer

# What a kernel does before the first cell. An audit hook cannot be taken away again.
START = """
import sys
try:
    import resource
except ImportError:
    pass  # Windows has no such limit
else:
    for name, most in {limits!r}.items():
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (ValueError, OSError):
            pass  # macOS knows the names and may refuse the limit
def guard(event, arguments, forbidden={forbidden!r}):
    file = str(arguments[0]) if event == "open" else ""
    if event in forbidden or file.endswith((".ipynb", ".db")):
        raise PermissionError("while a lab is graded it starts no program and reads no notebook")
sys.addaudithook(guard)
del guard, sys
"""
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
FORBIDDEN += ("sqlite3.connect", "socket.connect", "urllib.Request")
# Each is wrong for two numbers that lie apart, so it fails, unless somebody has changed the checks.
MUST_FAIL = (
    "assert {a} == {b}",
    "assert abs({a} - {b}) < 0.5",
    "assert isinstance({a}, str)",
    "assert all([{a} == {b}, True])",
    "assert max({a}, {b}) - min({a}, {b}) < 0.5",
    "assert np.allclose({a}, {b})",
    "assert np.all(np.array([{a}]) == {b})",
    "assert np.abs(np.array([{a}]) - {b}).max() < 0.5",
    "np.testing.assert_allclose({a}, {b})",
)


class GuardedExecute(Execute):
    """Runs a submission; what hangs, dies or has changed the checks gets no points from then on."""

    memory = Float(8.0, help="Memory that a kernel may ask for, in GiB.").tag(config=True)
    total = Integer(1800, help="Seconds for a whole notebook.").tag(config=True)
    over = ""  # why nothing runs any more

    def preprocess(self, nb, resources=None, km=None):
        self.over, end = "", time.monotonic() + self.total
        self.timeout_func = lambda cell: max(1, min(self.timeout, int(end - time.monotonic())))
        most = int(self.memory * 2**30)
        # With many cores or a GPU a kernel reserves much address space that it never uses.
        limits = {"RLIMIT_DATA": most, "RLIMIT_AS": 8 * most}
        start = START.format(limits=limits, forbidden=FORBIDDEN)
        self.extra_arguments = [f"--IPKernelApp.exec_lines=exec({start!r}, {{}})"]
        return super().preprocess(nb, resources, km)

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type != "code":
            return cell, resources
        if not self.over and is_grade(cell) and not is_solution(cell):
            self._check_the_checks()
        if self.over:
            cell.outputs = [new_output("error", ename="NotRun", evalue=self.over)]
            cell.outputs[0].traceback = [f"NotRun: {self.over}"]
            return cell, resources
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self.over = "the kernel died, perhaps of too much memory"
            return self.preprocess_cell(cell, resources, index)
        except CellTimeoutError:  # not even its interrupt was answered
            cell.outputs = [new_output("error", ename="CellTimeoutError", evalue="too slow")]
        for output in cell.outputs:
            if output.get("name") == "stderr":  # to nbgrader a warning would be a wrong answer
                output.name = "stdout"
        if cell.source.strip() and cell.execution_count is None and not cell.outputs:
            # To nbgrader a check that prints nothing has passed, so one that never ran would, too.
            why = "the kernel did not run this cell"
            cell.outputs = [new_output("error", ename="NotRun", evalue=why)]
            cell.outputs[0].traceback = [f"NotRun: {why}"]
        late = any(each.get("ename") == "CellTimeoutError" for each in cell.outputs)
        if late and self._reply("pass") is None:
            self.over = "a cell ran longer than the time limit, and could not be stopped"
            run_sync(self.km.shutdown_kernel)(now=True)
        return cell, resources

    def _check_the_checks(self):
        a, b = random.sample(range(1000), 2)
        for line in MUST_FAIL:
            content = self._reply(line.format(a=a, b=b))
            if content is None:
                self.over = "the kernel no longer answers"
            elif content.get("ename") != "AssertionError":
                self.over = f"the checks were changed: {line.format(a=a, b=b)!r} passed"
            if self.over:
                return

    def _reply(self, code, seconds=30.0):
        """What the kernel answers to a line that no notebook shows; None if it does not."""

        def ask():
            # By default a kernel that has met an error turns away what comes soon after.
            return self.kc.execute(code, store_history=False, stop_on_error=False)

        asked, end = ask(), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and run_sync(self.kc.is_alive)():
            try:
                message = run_sync(self.kc.get_shell_msg)(timeout=min(left, 1.0))
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["content"]["status"] != "aborted":
                return message["content"]
            asked = ask()
        return None


c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": "# Your code here.\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.OverwriteCells.add_missing_cells = True
c.Execute.timeout = 600  # seconds for a cell
c.Execute.iopub_timeout = 60  # seconds for its last outputs; an error that comes later is not seen
c.Execute.raise_on_iopub_timeout = True
c.Autograde.autograde_preprocessors = [
    GuardedExecute,
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
