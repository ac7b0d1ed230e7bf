"""Conformance checks of components, for authors of plugins.

```python
import pytest
from rppgbench.registry import load_registry
from rppgbench.testing import check

@pytest.mark.parametrize("name", ["my_method"])
def test_conformance(name, tmp_path):
    check(load_registry().spec("method", name), tmp_path)
```
"""

from rppgbench.testing.conformance import check

__all__ = ["check"]
