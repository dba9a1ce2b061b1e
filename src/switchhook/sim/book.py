"""Who works at the played company and who calls it. All of them are made up.

Numbers of callers are taken from ranges that are kept for drama and examples: the UK's 020 7946 0xxx
(Ofcom), North America's 555-01xx, and 555-01xx of Russian mobiles, as vendors' own examples have it.
The UK's mobile drama range is left out: numbering plans call it invalid, so no system matches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from switchhook.core.directory import Contact, Employee, Group, GroupKind, Line
from switchhook.core.number import read_number

EMPLOYEES = (
    Employee(id=1, name="Vera Orlova", extension="101", email="vera@office.example", login="vera"),
    Employee(id=2, name="Igor Belov", extension="102", email="igor@office.example", login="igor"),
    Employee(id=3, name="Anna Krylova", extension="103", email="anna@office.example", login="anna"),
    Employee(id=4, name="Pavel Zimin", extension="104", email="pavel@office.example", login="pavel"),
    Employee(id=5, name="Olga Titova", extension="105", email="olga@office.example", login="olga"),
)

CONTACTS = (
    Contact(id=1, name="Romashka LLC", phones=("+79165550142",), responsible="102"),
    Contact(id=2, name="Ivan Petrov", phones=("+79165550143",), responsible="103"),
    Contact(id=3, name="Городская пекарня", phones=("+79165550144",), responsible="101"),
    Contact(id=4, name="Ann O'Neill", phones=("+442079460958",), responsible="104"),
    Contact(id=5, name="Blue Kettle Café", phones=("+442079460123",), responsible="105"),
    Contact(id=6, name="Northwind Traders", phones=("+12125550142",)),
    Contact(id=7, name="Мария Соколова", phones=("+79165550147",), responsible="102"),
)

STRANGERS = ("+79165550150", "+79165550151", "+442079460961", "+12125550177", "+442079460456")

LINES = (
    Line(id=1, number="+74955550100", name="Main line", group="Sales"),
    Line(id=2, number="+74955550101", name="Advertising", group="Sales"),
)

GROUPS = (Group(id=1, name="Sales", kind=GroupKind.RING, extensions=("101", "102", "103")),)


@dataclass
class PlayedBook:
    """The address book of a played side, as a connector may ask for it."""

    staff: Sequence[Employee] = EMPLOYEES
    known: Sequence[Contact] = CONTACTS
    outside: Sequence[Line] = LINES
    teams: Sequence[Group] = GROUPS

    async def employees(self) -> Sequence[Employee]:
        return self.staff

    async def lines(self) -> Sequence[Line]:
        return self.outside

    async def groups(self) -> Sequence[Group]:
        return self.teams

    async def contact(self, number: str) -> Contact | None:
        return self.find(number)

    async def learn_employees(self, employees: Sequence[Employee]) -> None:
        taken = {one.extension for one in self.staff}
        self.staff = (*self.staff, *(one for one in employees if one.extension not in taken))

    def find(self, number: str) -> Contact | None:
        e164 = read_number(number).e164
        if e164 is None:
            return None
        return next((one for one in self.known if e164 in one.phones), None)
