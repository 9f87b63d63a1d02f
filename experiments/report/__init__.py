"""What is shown: summary, JUnit, HTML, pictures, terminal table."""
