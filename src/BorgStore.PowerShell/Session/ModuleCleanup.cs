using System.Management.Automation;
using BorgStore.Backends.Rclone;

namespace BorgStore.Commands;

/// <summary>Closes what is open as the module is removed.</summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        StoreSession.Current.CloseAll();
        RcloneBackend.StopSharedProcessAsync().AsTask().GetAwaiter().GetResult();
    }
}
