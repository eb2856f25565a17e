using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Closes what is open as the module is removed.</summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo) => StoreSession.Current.CloseAll();
}
