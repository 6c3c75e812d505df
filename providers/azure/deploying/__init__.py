"""What only who deploys needs: none of it travels to Azure."""
