"""Pages for people, server-rendered. Each module owns one part of the screen and declares its routes."""
