"""What the tests of all Workers share."""

import pytest

from forge_arena.types import Claim, ClaimKind, Domain, Scenario


@pytest.fixture
def scenario() -> Scenario:
    return Scenario(
        family="refund",
        domain=Domain.customer_support,
        task="Tell the customer when the refund arrives.",
        source_material="Refunds take 5 to 7 business days. Case R-58213 was confirmed.",
        claims=(Claim(id="case", kind=ClaimKind.identifier, alternatives=()),),
    )
