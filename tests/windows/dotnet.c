/* dotnet.exe, which no package has: like the original, it hands its arguments to hostfxr.dll of the .NET in DOTNET_ROOT.
   By the name of another program it runs the library of that name beside it, as the programs that a build makes do. */
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

typedef int (__cdecl *run_program)(int argc, const wchar_t **argv, const wchar_t *host, const wchar_t *root, const wchar_t *app);

int wmain(int argc, const wchar_t **argv)
{
    wchar_t host[MAX_PATH], root[MAX_PATH] = L"", app[MAX_PATH], library[MAX_PATH];
    GetModuleFileNameW(NULL, host, MAX_PATH);
    GetEnvironmentVariableW(L"DOTNET_ROOT", root, MAX_PATH);
    wcscpy(app, host);
    wcscpy(wcsrchr(app, L'.'), L".dll");
    _snwprintf(library, MAX_PATH, L"%ls\\host\\fxr\\%ls\\hostfxr.dll", root, RUNTIME_VERSION);
    HMODULE hostfxr = LoadLibraryExW(library, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (hostfxr == NULL) {
        fwprintf(stderr, L"dotnet: '%ls' cannot be loaded: error %lu.\n", library, GetLastError());
        return 1;
    }
    return ((run_program)(void *)GetProcAddress(hostfxr, "hostfxr_main_startupinfo"))(argc, argv, host, root, app);
}
