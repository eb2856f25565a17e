# Sourced by tests/run: makes PowerShell and Pester available to the tests. Installed ones are used; otherwise both come
# from the NuGet feed, in the versions in .config/dotnet-tools.json and Directory.Packages.props, and stay below artifacts.
# shellcheck shell=bash

# Whether the pwsh on the PATH can run the tests.
has_pwsh() {
  command -v pwsh > /dev/null &&
    pwsh -NoProfile -NonInteractive -Command 'exit [int]($PSVersionTable.PSVersion -lt [version] "7.4")'
}

# Whether that pwsh finds a Pester that can run the tests.
has_pester() {
  pwsh -NoProfile -NonInteractive -Command 'exit [int](-not (Get-Module -ListAvailable Pester | Where-Object { $_.Version.Major -ge 5 }))'
}

# Restores the .NET tool and prints the folder that holds its PowerShell for the system: unix or win.
restore_pwsh() {
  local version packages program
  version=$(grep -A1 '"powershell"' .config/dotnet-tools.json | sed -n 's/.*"version": "\(.*\)".*/\1/p')
  packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
  packages=${packages%/}/powershell/$version
  [ -d "$packages" ] || dotnet tool restore --verbosity quiet >&2 || return 1
  program=$(find "$packages" -path "*/$1/pwsh.dll" | head -n 1)
  [ -n "$program" ] && dirname "$program"
}

# Creates a command pwsh for the .NET tool. The tool's own starter runs a second process, which would survive if the first is killed.
install_pwsh() {
  local folder=$1 program
  echo "Installing PowerShell for the tests (BORGSTORE_TEST_INSTALL=0 to leave that out)"
  program=$(restore_pwsh unix)/pwsh.dll || return 1
  mkdir -p "$folder"
  printf '#!/bin/sh\nexec dotnet "%s" "$@"\n' "$program" > "$folder/pwsh"
  chmod +x "$folder/pwsh"
}

prepare_shell() {
  local tools=$PWD/artifacts/tools
  export POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off
  # The tests start pwsh themselves, and must not write to the user's own folders.
  export PSModuleAnalysisCachePath=$tools/ModuleAnalysisCache
  if ! has_pwsh; then
    PATH=$tools/bin:$PATH
    has_pwsh || [ "${BORGSTORE_TEST_INSTALL:-1}" = 0 ] || install_pwsh "$tools/bin"
    has_pwsh || return 1
  fi
  if ! has_pester; then
    export PSModulePath=$tools/Modules:${PSModulePath:-}
    has_pester || [ "${BORGSTORE_TEST_INSTALL:-1}" = 0 ] ||
      dotnet msbuild tests/Pester/Pester.csproj -restore -target:InstallPester -verbosity:quiet -nologo
    has_pester || return 1
  fi
}
