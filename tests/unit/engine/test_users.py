"""Who has read a node that many read."""

from sekisho.engine.users import Users


def test_users_are_met_in_order_of_arrival() -> None:
    users = Users([3, 1])
    users.add(2)
    assert list(users) == [3, 1, 2]
    assert len(users) == 3


def test_who_goes_is_met_no_more() -> None:
    users = Users(range(10))
    users.drop(4)
    assert list(users) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert len(users) == 9


def test_who_comes_back_is_met_once() -> None:
    users = Users(range(10))
    users.drop(4)
    users.add(4)
    assert sorted(users) == list(range(10))
    assert len(users) == 10


def test_without_the_last_user_there_is_none() -> None:
    users = Users(range(100))
    for one in range(100):
        assert users
        users.drop(one)
    assert not users
    assert list(users) == []


def test_who_comes_back_after_most_have_gone_is_met_once() -> None:
    users = Users(range(10))
    for one in range(9):
        users.drop(one)
    for one in range(9):
        users.add(one)
    assert sorted(users) == list(range(10))
