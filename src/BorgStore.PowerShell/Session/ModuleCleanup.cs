using System.Management.Automation;
using BorgStore.Backends.Rclone;

namespace BorgStore.PowerShell.Session;

/// <summary>Closes the open stores when the module is removed.</summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        StoreSession.Current.CloseAll();
        RcloneBackend.StopSharedProcessAsync().AsTask().GetAwaiter().GetResult();
    }
}
