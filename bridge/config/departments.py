"""Departments: whose tickets a queue's calls become."""

from bridge.config.fields import Section, Title


class DepartmentSettings(Section):
    title: Title
