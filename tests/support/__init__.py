"""What several tests share; the programs that they start, too."""
